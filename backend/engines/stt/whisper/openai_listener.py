"""Whisper by openai-whisper, on PyTorch: the default."""

import logging
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.contract.errors import EngineError, unusable_if_damaged
from engines.contract.wire import Device
from engines.stt.whisper.hearing import Decoded, HeardWord

if TYPE_CHECKING:
    from engines.stt.whisper.hearing import Samples

logger = logging.getLogger(__name__)

MOST_AT_ONCE = 16
"""Texts that are scored together: more need memory, not less time."""


class _States:
    """A spectrogram, and the encoder's states in the number format that is used at the time."""

    def __init__(self, mel: Any, frames: int) -> None:
        self.mel = mel
        self.frames = frames  # of 10 ms, without those that only fill up
        self.encoded: Any = None


class OpenAIListener:
    """A model of openai-whisper on its device."""

    def __init__(self, model: Any) -> None:
        """Listen with `model`, a whisper.model.Whisper."""
        from whisper.tokenizer import LANGUAGES, get_tokenizer

        self._model = model
        self._half = model.device.type == "cuda"  # CPUs have no arithmetic of 16 bits
        self.languages = list(LANGUAGES)[: model.num_languages] if model.is_multilingual else ["en"]
        self.most_tokens = model.dims.n_text_ctx // 2
        self._new_tokenizer = get_tokenizer
        self._tokenizer: Any = self._tokenizer_for("en")

    @classmethod
    def load(cls, path: Path, device: Device) -> "OpenAIListener":
        """Open the file `path`; raises UnusableModelError if it is not a Whisper model."""
        # By its path: given a name, the library would download by itself. On the CPU first, so that only the file can
        # be the reason of a failure.
        import whisper

        advice = (
            "Replace it with a .pt file as openai-whisper publishes them. Files of whisper.cpp and Hugging Face differ."
        )
        with unusable_if_damaged(f"'{path.name}' is no model of openai-whisper, or is damaged", advice):
            model = whisper.load_model(str(path.absolute()), device="cpu")
        return cls(model.to(device).eval())

    def listened(self, samples: "Samples") -> _States:
        """Return the spectrogram; the encoder runs when its states are first needed."""
        from whisper.audio import HOP_LENGTH, N_FRAMES, N_SAMPLES, log_mel_spectrogram, pad_or_trim

        # As the library's `transcribe` does: padded with silence before, with zeros after the logarithm.
        mel = log_mel_spectrogram(samples, self._model.dims.n_mels, padding=N_SAMPLES)
        frames = min(N_FRAMES, len(samples) // HOP_LENGTH)
        return _States(pad_or_trim(mel[:, :frames], N_FRAMES).to(self._model.device), frames)

    def language_of(self, states: _States) -> str:
        """Return the most probable language."""
        if not self._model.is_multilingual:
            return "en"
        _, probabilities = self._model.detect_language(self._encoded(states)[0])
        return str(max(probabilities, key=probabilities.get))

    def decoded(self, states: _States, language: str, temperature: float, prompt: str = "") -> Decoded:
        """Return what is said. Raises EngineError if the model computes no finite numbers."""
        if self._half:
            try:
                return self._finite(states, language, temperature, prompt)
            except ArithmeticError:  # some GPUs compute NaN with 16 bits: openai/whisper, discussion 88
                logger.warning("This GPU computes no finite numbers with 16 bits. From now on 32 bits are used.")
                self._half, states.encoded = False, None
        try:
            return self._finite(states, language, temperature, prompt)
        except ArithmeticError as error:
            raise EngineError("The model computes no finite numbers. Its file may be damaged: replace it.") from error

    def timed_words(self, states: _States, language: str, tokens: Sequence[int]) -> list[HeardWord]:
        """Return the words of `tokens` as the library finds them; the encoder runs once more for it."""
        from whisper.timing import find_alignment

        mel = states.mel.half() if self._half else states.mel
        words = find_alignment(self._model, self._tokenizer_for(language), list(tokens), mel, states.frames)
        return [HeardWord(word.word, float(word.start), float(word.end), tuple(word.tokens)) for word in words]

    def log_probabilities(self, states: _States, language: str, texts: Sequence[str]) -> list[float]:
        """Return the log-probability of each text."""
        tokenizer = self._tokenizer_for(language)
        rows = [tokenizer.encode(f" {text.strip()}") for text in texts]
        found: list[float] = []
        for first in range(0, len(rows), MOST_AT_ONCE):
            found += self._sums(states, language, rows[first : first + MOST_AT_ONCE])
        return found

    def tokens_of(self, text: str) -> list[int]:
        """Return the tokens of a text."""
        return list(self._tokenizer.encode(text))

    def word_of(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens."""
        return str(self._tokenizer.decode(list(tokens)))

    def _tokenizer_for(self, language: str) -> Any:
        model = self._model
        return self._new_tokenizer(
            model.is_multilingual, num_languages=model.num_languages, language=language, task="transcribe"
        )

    def _encoded(self, states: _States) -> Any:
        """Return the encoder's states, (1, frames, width)."""
        import torch

        if states.encoded is None:
            with torch.no_grad():
                # The library's layers compute in the format of their input.
                states.encoded = self._model.embed_audio((states.mel.half() if self._half else states.mel)[None])
        return states.encoded

    def _finite(self, states: _States, language: str, temperature: float, prompt: str) -> Decoded:
        """Let the library decode; raises ArithmeticError if the model computes NaN."""
        import torch
        import whisper

        torch.manual_seed(0)  # the same recording is judged the same again
        options = whisper.DecodingOptions(
            language=language,
            temperature=temperature,
            prompt=prompt.strip() or None,
            without_timestamps=True,
            fp16=self._half,
        )
        try:
            found = whisper.decode(self._model, self._encoded(states)[0], options)
        except ValueError as error:  # what torch.distributions says to NaN
            if "nan" in str(error).lower():
                raise ArithmeticError from error
            raise
        if not math.isfinite(found.avg_logprob):
            raise ArithmeticError
        tokens = tuple(found.tokens)
        before, logits = self._logits(states, language, [list(tokens)])
        following = logits[0, before - 1 :].float().cpu().numpy()
        return Decoded(found.text.strip(), tokens, found.avg_logprob, found.no_speech_prob, following)

    def _logits(self, states: _States, language: str, rows: Sequence[list[int]]) -> tuple[int, Any]:
        """Return the length of the prompt, and the logits after each token: (texts, tokens, vocabulary)."""
        import torch

        tokenizer = self._tokenizer_for(language)
        prompt, end = list(tokenizer.sot_sequence_including_notimestamps), tokenizer.eot
        longest = max(map(len, rows))
        padded = [[*prompt, *row, *[end] * (longest - len(row))] for row in rows]
        encoded = self._encoded(states)
        with torch.no_grad():
            tokens = torch.tensor(padded, device=encoded.device)
            return len(prompt), self._model.logits(tokens, encoded.expand(len(rows), -1, -1))

    def _sums(self, states: _States, language: str, rows: Sequence[list[int]]) -> list[float]:
        """Return for each row the sum of the log-probabilities of its tokens, among the tokens of texts."""
        before, logits = self._logits(states, language, rows)
        logs = logits[:, before - 1 :, : self._tokenizer.eot].float().log_softmax(-1).cpu()
        return [float(sum(logs[i, place, token] for place, token in enumerate(row))) for i, row in enumerate(rows)]
