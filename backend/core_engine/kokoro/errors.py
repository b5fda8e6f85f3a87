"""Everything that speaking can refuse, as one small tree.

Each message says what happened, what was expected and what to do next; callers show it to people as it is.
"""


class KokoroError(Exception):
    """The root: a text could not be turned into speech for a reason that a person can act on."""


class NothingToSpeakError(KokoroError, ValueError):
    """The text holds nothing that can be spoken."""


class TextTooLongError(KokoroError, ValueError):
    """The text needs more than one chunk where only one is possible."""


class UnsupportedLanguageError(KokoroError, ValueError):
    """The language is not one of those the model was trained with."""


class PhonemizerError(KokoroError):
    """espeak-ng could not be loaded or did not answer as it should."""


class ModelFileError(KokoroError):
    """The model file cannot be used: unreadable, unsafe, or not a Kokoro export."""


class VoicePackError(KokoroError):
    """A voice pack is missing, unsafe or not of the expected form."""


class SynthesisError(KokoroError):
    """The model ran but what it returned is not audio."""
