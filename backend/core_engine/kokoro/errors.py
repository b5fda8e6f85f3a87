"""The exceptions of text to speech. Their messages are for users: what is wrong, what was expected, what to do."""


class KokoroError(Exception):
    """Base class: speech could not be generated, for a reason that the user can act on."""


class NothingToSpeakError(KokoroError, ValueError):
    """The text has nothing that can be spoken."""


class TextTooLongError(KokoroError, ValueError):
    """The text needs more than one chunk where only one is allowed."""


class UnsupportedLanguageError(KokoroError, ValueError):
    """The model was not trained on this language."""


class PhonemizerError(KokoroError):
    """espeak-ng could not be loaded or failed."""


class ModelFileError(KokoroError):
    """The model file cannot be used: unreadable, unsafe, or not a Kokoro export."""


class VoicePackError(KokoroError):
    """A voice pack is missing, unsafe or malformed."""


class SynthesisError(KokoroError):
    """The model failed or did not return audio."""
