"""From text to speech: chunks, their style rows, the session, and the joints between."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core_engine.kokoro.dimensions import MAX_TOKENS, SAMPLE_RATE
from core_engine.kokoro.errors import KokoroError, SynthesisError
from core_engine.kokoro.languages import Language, language_of
from core_engine.kokoro.model.inference import Audio, Signature, Sound, read_signature, run
from core_engine.kokoro.model.runtime import open_model
from core_engine.kokoro.speech.joints import join, without_context
from core_engine.kokoro.speech.versions import checked_version, version_of_model
from core_engine.kokoro.text.chunks import Chunk, text_to_chunks
from core_engine.kokoro.text.text_sides import text_side
from core_engine.kokoro.voice.blending import blend, blended_voices
from core_engine.kokoro.voice.formats import VoicePack
from core_engine.kokoro.voice.packs import VoiceFile, find_voices, load_voice, style_row
from core_engine.kokoro.voice.voices import DEFAULT_VOICE_ID

logger = logging.getLogger(__name__)

CONTEXT_TOKENS = 40
"""Of the words before and behind a chunk, about three seconds: alone, a chunk begins high and loud and ends low and
faint as a whole text does."""

_NO_PACK: VoicePack = np.zeros((0, 1, 256), np.float32)


@dataclass(frozen=True)
class Speech:
    """What was said."""

    audio: Audio
    """float32 of shape (samples,), as loud as the model made it."""
    sample_rate: int
    voice: str
    """The voice that really spoke."""
    chunks: int
    """How many runs of the model it took."""
    token_starts: tuple[npt.NDArray[np.int64] | None, ...] = ()
    """For each chunk, where in `audio` its tokens begin and the last one ends; see `joints.Joined`."""


@dataclass(frozen=True)
class Kokoro:
    """A loaded model with the voices beside it. Safe to speak from several threads at once."""

    session: Any
    signature: Signature
    voices: Mapping[str, VoiceFile]
    """Voice name → the file that holds it."""
    version: str | None = None
    """Of the model; None where it does not tell, and the voices do."""

    @classmethod
    def load(cls, model_path: Path, threads: int | None = None) -> "Kokoro":
        """Open an ONNX file and look for voices in its folder.

        `threads` is the number that one run may use; all allowed cores unless given.

        Raises ModelFileError for what is no Kokoro export or cannot be loaded.
        """
        return cls.around(open_model(model_path, threads), model_path)

    @classmethod
    def around(cls, session: Any, model_path: Path) -> "Kokoro":
        """Take an open session of the model at `model_path`; raise ModelFileError where it is no Kokoro export."""
        version = version_of_model(model_path, session)
        return cls(session, read_signature(session), find_voices(model_path.parent), version)

    def speak(
        self, text: str, voice: str = DEFAULT_VOICE_ID, speed: float = 1.0, language: str | None = None
    ) -> Speech:
        """Say a text of any length.

        Args:
            text: what to say; cut into as many chunks as it needs.
            voice: name of a voice, or a blend such as `af_bella*0.6+af_sarah*0.4`; one that is not installed falls
                back to the default with a logged warning.
            speed: multiplier, 1.0 is normal.
            language: code of the language or accent (see languages.py); that of the voice unless given.

        Raises:
            KokoroError: nothing speakable in the text, no usable voice, or a model that returned no audio.
        """
        utterance = self.prepare(text, voice, speed, language)
        return self.joined(utterance, [self.run(utterance, chunk) for chunk in utterance.chunks])

    def prepare(
        self,
        text: str,
        voice: str = DEFAULT_VOICE_ID,
        speed: float = 1.0,
        language: str | None = None,
        max_tokens: int = MAX_TOKENS,
    ) -> "Utterance":
        """Do all of `speak` that comes before the model; takes and raises the same, and the tokens of a chunk."""
        name, pack, version = self._voice(voice)
        code = language or language_of(name, version).code
        context = CONTEXT_TOKENS if self.signature.frames is not None else 0
        return Utterance(name, pack, tuple(text_to_chunks(text, code, max_tokens, version, context)), speed)

    def check(self, voice: str = DEFAULT_VOICE_ID) -> str:
        """Return who reads the text for a voice, "espeak-ng" or "misaki".

        Raises KokoroError where no text at all could be spoken: no usable voice, one of another version, or a language
        that nothing installed can read.
        """
        name, _, version = self._voice(voice)
        return text_side(language_of(name, version).code, version)

    def language(self, voice: str = DEFAULT_VOICE_ID) -> Language:
        """Return the language that will be spoken where `voice` is asked for; raises as `voice_pack` does."""
        name, _, version = self._voice(voice)
        return language_of(name, version)

    def voice_pack(self, voice: str) -> tuple[str, VoicePack]:
        """Return the voice that will speak where `voice` is asked for, and its pack, blended where it is a blend.

        The pack is empty only for a session that takes no style. Raises VoicePackError where neither the voice nor the
        default voice is installed, or a voice of a blend is not.
        """
        if self.signature.style is None:
            return voice, _NO_PACK
        parts = blended_voices(voice, self.voices)
        pack = blend([(load_voice(self.voices[part.voice], part.voice), part.share) for part in parts])
        return (voice if len(parts) > 1 else parts[0].voice), pack

    def _voice(self, voice: str) -> tuple[str, VoicePack, str]:
        """Return what `voice_pack` does, and the version of Kokoro that model and voice are both of."""
        name, pack = self.voice_pack(voice)
        return name, pack, checked_version(self.version, len(pack), name)

    def run(self, utterance: "Utterance", chunk: Chunk) -> Sound:
        """Speak one chunk of an utterance; raises SynthesisError where the model fails."""
        try:
            return self._spoken(chunk, utterance.pack, utterance.speed)
        except KokoroError:
            raise
        except Exception as error:
            logger.debug("The model failed", exc_info=True)
            reason = "out of memory" if isinstance(error, MemoryError) else error or type(error).__name__
            raise SynthesisError(f"TTS generation failed: {reason}") from error

    def _spoken(self, chunk: Chunk, pack: VoicePack, speed: float) -> Sound:
        """Speak a chunk amid its neighbours' words where it has them, with the row of the pack for that length."""
        sound = self._run(chunk.ids_in_context, pack, speed)
        if sound.frames is None and chunk.ids_in_context != chunk.token_ids:
            return self._run(chunk.token_ids, pack, speed)  # where the neighbours' words end nobody knows
        return without_context(chunk, sound)

    def _run(self, ids: Sequence[int], pack: VoicePack, speed: float) -> Sound:
        return run(self.session, self.signature, ids, style_row(pack, len(ids)) if len(pack) else None, speed)

    def joined(self, utterance: "Utterance", sounds: Sequence[Sound]) -> Speech:
        """Put the spoken chunks of an utterance together."""
        whole = join(utterance.chunks, sounds, utterance.speed)
        return Speech(whole.audio, SAMPLE_RATE, utterance.voice, len(sounds), whole.token_starts)


@dataclass(frozen=True)
class Utterance:
    """A text ready for the model."""

    voice: str
    """The voice that will speak."""
    pack: VoicePack
    chunks: tuple[Chunk, ...]
    speed: float
