"""A Whisper model that is loaded, and what it hears."""

import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from engines.contract.errors import EngineError, RequestError, unusable_if_damaged
from engines.stt.whisper.languages import whisper_language
from engines.stt.whisper.pieces import cut_at_pauses, is_silent

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Samples = npt.NDArray[np.float32]

logger = logging.getLogger(__name__)

SAMPLE_RATE = 16_000  # Hz, of every Whisper model
LONGEST_S = 30.0  # that it hears at once
SHORTEST_CUT_S = 4.0  # a piece this short has no more words than fit, so it is not cut again
# Whisper's own thresholds (whisper/transcribe.py): more repetition than this is a loop, less speech is likely none.
LOOP_RATIO = 2.4
NO_SPEECH = 0.6
# Fewer than the library's six tries: at most three times as long, and the client waits two minutes.
TEMPERATURES = (0.0, 0.4, 0.8)


@dataclass(frozen=True)
class Transcription:
    """What was said in a recording, as far as it was heard."""

    text: str
    language: str  # Whisper's code; empty where there was nothing to hear
    confidence: float  # 0 to 1
    duration_s: float


@dataclass(frozen=True)
class _Part:
    text: str
    language: str
    confidence: float
    tokens: int


class Transcriber:
    """One model on its device; of one thread."""

    def __init__(self, model: Any) -> None:
        """Listen with `model`, a whisper.model.Whisper."""
        from whisper.tokenizer import LANGUAGES

        self._model = model
        self._half = model.device.type == "cuda"  # on a CPU there is no arithmetic of 16 bits
        self._languages = list(LANGUAGES)[: model.num_languages] if model.is_multilingual else ["en"]

    @classmethod
    def load(cls, path: Path, device: Literal["cuda", "cpu"]) -> "Transcriber":
        """Open the model file `path`; raise UnusableModelError for one that is no Whisper model."""
        # By its path, never by its name: for a name the library would download by itself.
        return cls(_opened(path.absolute()).to(device).eval())

    def transcribe(self, samples: "Samples", language: str) -> Transcription:
        """Return what is said in `samples`, (n,) float32 at 16 kHz, in `language`, a code of any application.

        A language that Whisper does not know is detected. Raises RequestError for another language than English where
        the model knows no other.
        """
        code = self._code(language)
        parts = [
            part
            for piece in cut_at_pauses(samples, SAMPLE_RATE, LONGEST_S)
            if not is_silent(piece)
            for part in self._parts(piece, code)
        ]
        tokens = sum(part.tokens for part in parts)
        return Transcription(
            text=" ".join(part.text for part in parts),
            language=parts[0].language if parts else code or "",
            confidence=sum(part.confidence * part.tokens for part in parts) / tokens if tokens else 0.0,
            duration_s=len(samples) / SAMPLE_RATE,
        )

    def _code(self, language: str) -> str | None:
        code = whisper_language(language, self._languages)
        if code is None and self._languages == ["en"]:
            raise RequestError(
                f"This model knows English only, not '{language[:20]}'. Load one without '.en' in its name."
            )
        return code

    def _parts(self, piece: "Samples", language: str | None) -> list[_Part]:
        """Return what is said in a piece of at most LONGEST_S; one with more words than the model can say is halved."""
        result = self._transcribed(piece, language)
        segments = [segment for segment in result["segments"] if segment["text"].strip()]
        full = any(len(segment["tokens"]) >= self._model.dims.n_text_ctx // 2 for segment in segments)
        looping = any(segment["compression_ratio"] > LOOP_RATIO for segment in segments)
        if full and not looping and len(piece) > SHORTEST_CUT_S * SAMPLE_RATE:
            halves = cut_at_pauses(piece, SAMPLE_RATE, 0.7 * len(piece) / SAMPLE_RATE)
            return [part for half in halves for part in self._parts(half, language)]
        return [_part(segment, result["language"]) for segment in segments]

    def _transcribed(self, piece: "Samples", language: str | None) -> dict[str, Any]:
        if self._half:
            try:
                return self._finite(piece, language, half=True)
            except ArithmeticError:  # some GPUs compute NaN in 16 bits: openai/whisper, discussion 88
                logger.warning("This GPU computes no finite numbers in 16 bits: from now on 32 are used.")
                self._half = False
        try:
            return self._finite(piece, language, half=False)
        except ArithmeticError as error:
            raise EngineError("The model computes no finite numbers. Its file may be damaged: replace it.") from error

    def _finite(self, piece: "Samples", language: str | None, *, half: bool) -> dict[str, Any]:
        """Let the library listen; raise ArithmeticError where the model computes NaN."""
        import torch

        torch.manual_seed(0)  # the same recording is judged the same again
        try:
            result: dict[str, Any] = self._model.transcribe(
                piece,
                language=language,
                fp16=half,
                temperature=TEMPERATURES,
                compression_ratio_threshold=LOOP_RATIO,
                no_speech_threshold=NO_SPEECH,
                # A piece is one window: no timestamps that could skip words, nothing before that could be repeated.
                without_timestamps=True,
                condition_on_previous_text=False,
            )
        except ValueError as error:  # what torch.distributions says to NaN
            if "nan" in str(error).lower():
                raise ArithmeticError from error
            raise
        if not all(math.isfinite(segment["avg_logprob"]) for segment in result["segments"]):
            raise ArithmeticError
        return result


def _part(segment: dict[str, Any], language: str) -> _Part:
    return _Part(segment["text"].strip(), language, _confidence(segment), max(1, len(segment["tokens"])))


def _confidence(segment: dict[str, Any]) -> float:
    """Return the mean probability (geometric) of the words, less where Whisper says that it may have made them up.

    The library gives the mean of the *logarithms*, -0.2 for a good text: neither a share nor a percentage by itself.
    """
    if segment["compression_ratio"] > LOOP_RATIO:
        return 0.0
    doubt = segment["no_speech_prob"] if segment["no_speech_prob"] > NO_SPEECH else 0.0
    return float(math.exp(min(0.0, segment["avg_logprob"])) * (1.0 - doubt))


def _opened(path: Path) -> Any:
    """Return the model in `path` on the CPU, so that nothing but its file can be the reason of a failure."""
    import whisper

    advice = (
        "Replace it by a .pt file as openai-whisper publishes them; those of faster-whisper, whisper.cpp and Hugging "
        "Face are others."
    )
    with unusable_if_damaged(f"'{path.name}' is no model of openai-whisper, or a damaged one", advice):
        return whisper.load_model(str(path), device="cpu")
