"""Text to speech: chunk the text, run the model with the style vector for each chunk, and join the results."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from core_engine.kokoro.dimensions import MAX_TOKENS, SAMPLE_RATE
from core_engine.kokoro.errors import KokoroError, SynthesisError
from core_engine.kokoro.languages import DEFAULT_LANGUAGE, V0_19, Language, language_of
from core_engine.kokoro.model.inference import Audio, Signature, Sound, read_signature, run
from core_engine.kokoro.model.runtime import open_model
from core_engine.kokoro.speech.joints import join, without_context
from core_engine.kokoro.speech.versions import checked_version, version_of_model
from core_engine.kokoro.text.chunks import Chunk, text_to_chunks
from core_engine.kokoro.text.ipa import check_phonemes
from core_engine.kokoro.text.text_sides import text_side
from core_engine.kokoro.voice.blending import blend, blended_voices
from core_engine.kokoro.voice.formats import VoicePack
from core_engine.kokoro.voice.packs import VoiceFile, find_voices, load_voice, style_row
from core_engine.kokoro.voice.voices import DEFAULT_VOICE_ID
from core_engine.reading.lexicon import NO_LEXICON, Lexicon

logger = logging.getLogger(__name__)

CONTEXT_TOKENS = 80
"""Context on each side of a chunk, about five seconds: alone, a chunk would start high and loud and end low and faint,
like a whole text."""

_NO_PACK: VoicePack = np.zeros((0, 1, 256), np.float32)


@dataclass(frozen=True)
class Speech:
    """The speech for a text."""

    audio: Audio
    """float32 of shape (samples,), not normalised."""
    sample_rate: int
    voice: str
    """The voice that was used, which may be the default."""
    chunks: int
    """Number of model runs."""
    token_starts: tuple[npt.NDArray[np.int64] | None, ...] = ()
    """For each chunk, where in `audio` its tokens start and the last one ends; see `joints.Joined`."""
    spoken: tuple[Chunk, ...] = ()
    """The chunks, in order."""
    spans: tuple[tuple[int, int], ...] = ()
    """For each chunk, the samples of `audio` at which it starts and ends."""
    language: str = DEFAULT_LANGUAGE
    """Code of the language or accent in which the text was read."""
    version: str = V0_19
    """Version of Kokoro whose phonemes were used."""


@dataclass(frozen=True)
class Kokoro:
    """A loaded model with its voices. Thread-safe."""

    session: Any
    signature: Signature
    voices: Mapping[str, VoiceFile]
    """Voice name → file."""
    version: str | None = None
    """Version of the model; None if only the voices show it."""

    @classmethod
    def load(cls, model_path: Path, threads: int | None = None) -> "Kokoro":
        """Open an ONNX file and find the voices in its folder.

        `threads` is the number of threads per run; by default all allowed cores.

        Raises ModelFileError for a file that cannot be loaded or is not a Kokoro export.
        """
        return cls.around(open_model(model_path, threads), model_path)

    @classmethod
    def around(cls, session: Any, model_path: Path) -> "Kokoro":
        """Wrap an open session of the model at `model_path`; raise ModelFileError if it is not a Kokoro export."""
        version = version_of_model(model_path, session)
        return cls(session, read_signature(session), find_voices(model_path.parent), version)

    def speak(
        self,
        text: str,
        voice: str = DEFAULT_VOICE_ID,
        speed: float = 1.0,
        language: str | None = None,
        lexicon: Lexicon = NO_LEXICON,
    ) -> Speech:
        """Speak a text of any length.

        Args:
            text: text to speak; split into as many chunks as it needs.
            voice: name of a voice, or a blend such as `af_bella*0.6+af_sarah*0.4`; a name that is not installed falls
                back to the default with a logged warning.
            speed: multiplier, 1.0 is normal.
            language: code of the language or accent (see languages.py); by default that of the voice.
            lexicon: pronunciation list, of which only phonemes are used; `spoken_text` puts in the respellings.

        Raises:
            LexiconError: the list has a phoneme that the model does not know.
            KokoroError: the text has nothing to speak, there is no usable voice, or the model returned no audio.
        """
        utterance = self.prepare(text, voice, speed, language, lexicon=lexicon)
        return self.joined(utterance, [self.run(utterance, chunk) for chunk in utterance.chunks])

    def prepare(
        self,
        text: str,
        voice: str = DEFAULT_VOICE_ID,
        speed: float = 1.0,
        language: str | None = None,
        max_tokens: int = MAX_TOKENS,
        *,
        quick_start: bool = False,
        lexicon: Lexicon = NO_LEXICON,
    ) -> "Utterance":
        """Do the part of `speak` before the model; same arguments and errors, plus those of `text_to_chunks`."""
        name, pack, version = self._voice(voice)
        code = language or language_of(name, version).code
        context = CONTEXT_TOKENS if self.signature.frames is not None else 0
        chunks = text_to_chunks(text, code, max_tokens, version, context, quick_start=quick_start, lexicon=lexicon)
        return Utterance(name, pack, tuple(chunks), speed, code, version)

    def check(self, voice: str = DEFAULT_VOICE_ID, lexicon: Lexicon = NO_LEXICON) -> str:
        """Return the G2P for a voice, "espeak-ng" or "misaki".

        Raises KokoroError if the voice cannot speak any text: it is not usable, it is for another version, or nothing
        that is installed can read its language. Raises LexiconError for a phoneme that the voice's version lacks.
        """
        name, _, version = self._voice(voice)
        check_phonemes(lexicon, version)
        return text_side(language_of(name, version).code, version)

    def language(self, voice: str = DEFAULT_VOICE_ID) -> Language:
        """Return the language spoken for the requested `voice`; raises like `voice_pack`."""
        name, _, version = self._voice(voice)
        return language_of(name, version)

    def voice_pack(self, voice: str) -> tuple[str, VoicePack]:
        """Return the name and pack of the voice to use for the requested `voice`, which may be a blend.

        The pack is empty only if the session takes no style. Raises VoicePackError if neither the voice nor the default
        voice is installed, or if a voice of a blend is not.
        """
        if self.signature.style is None:
            return voice, _NO_PACK
        parts = blended_voices(voice, self.voices)
        pack = blend([(load_voice(self.voices[part.voice], part.voice), part.share) for part in parts])
        return (voice if len(parts) > 1 else parts[0].voice), pack

    def _voice(self, voice: str) -> tuple[str, VoicePack, str]:
        """Return the result of `voice_pack` and the common version of model and voice."""
        name, pack = self.voice_pack(voice)
        return name, pack, checked_version(self.version, len(pack), name)

    def run(self, utterance: "Utterance", chunk: Chunk) -> Sound:
        """Speak one chunk of an utterance; raises SynthesisError if the model fails."""
        try:
            return self._spoken(chunk, utterance.pack, utterance.speed)
        except KokoroError:
            raise
        except Exception as error:
            logger.debug("The model failed", exc_info=True)
            reason = "out of memory" if isinstance(error, MemoryError) else error or type(error).__name__
            raise SynthesisError(f"TTS generation failed: {reason}") from error

    def _spoken(self, chunk: Chunk, pack: VoicePack, speed: float) -> Sound:
        """Speak a chunk with its context, if it has one, and remove the context from the audio."""
        sound = self._run(chunk.ids_in_context, pack, speed)
        if sound.frames is None and chunk.ids_in_context != chunk.token_ids:
            return self._run(chunk.token_ids, pack, speed)  # without durations the context cannot be removed
        return without_context(chunk, sound)

    def _run(self, ids: Sequence[int], pack: VoicePack, speed: float) -> Sound:
        return run(self.session, self.signature, ids, style_row(pack, len(ids)) if len(pack) else None, speed)

    def joined(self, utterance: "Utterance", sounds: Sequence[Sound]) -> Speech:
        """Join the spoken chunks of an utterance."""
        whole = join(utterance.chunks, sounds, utterance.speed)
        return Speech(
            audio=whole.audio,
            sample_rate=SAMPLE_RATE,
            voice=utterance.voice,
            chunks=len(sounds),
            token_starts=whole.token_starts,
            spoken=utterance.chunks,
            spans=whole.spans,
            language=utterance.language,
            version=utterance.version,
        )


@dataclass(frozen=True)
class Utterance:
    """A text prepared for the model."""

    voice: str
    """The voice to use."""
    pack: VoicePack
    chunks: tuple[Chunk, ...]
    speed: float
    language: str = DEFAULT_LANGUAGE
    version: str = V0_19
