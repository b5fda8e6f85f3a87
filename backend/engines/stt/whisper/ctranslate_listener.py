"""Whisper by faster-whisper, on CTranslate2: less memory and time on CPUs."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.contract.errors import unusable_if_damaged
from engines.stt.whisper.hearing import Decoded, HeardWord

if TYPE_CHECKING:
    from engines.stt.whisper.hearing import Samples

NEEDED_FILES = ("model.bin", "config.json", "tokenizer.json")
"""Of a folder in this format; without the last one the library would ask the network."""
_FRAMES = 3000
"""Of 10 ms: half a minute."""
_STATE_S = 0.02
"""Seconds of each state of the encoder."""


class CTranslateListener:
    """A model of faster-whisper on the CPU."""

    def __init__(self, model: Any) -> None:
        """Listen with `model`, a faster_whisper.WhisperModel."""
        from faster_whisper.tokenizer import Tokenizer
        from faster_whisper.transcribe import get_suppressed_tokens

        self._model = model
        self.languages = list(model.supported_languages)
        self.most_tokens = model.max_length // 2
        self._new_tokenizer = Tokenizer
        self._tokenizer: Any = self._tokenizer_for("en")
        self._suppressed = list(get_suppressed_tokens(self._tokenizer, [-1]))

    @classmethod
    def load(cls, folder: Path) -> "CTranslateListener":
        """Open a folder; raises UnusableModelError if it is not a model of faster-whisper."""
        from faster_whisper import WhisperModel

        advice = "Replace it with a folder that CTranslate2 has converted from Whisper."
        with unusable_if_damaged(f"'{folder.name}' is no model of faster-whisper, or is damaged", advice):
            # With 8 bits the words are nearly always the same, in a third of the time.
            return cls(WhisperModel(str(folder), device="cpu", compute_type="int8", local_files_only=True))

    def listened(self, samples: "Samples") -> Any:
        """Run the encoder; return its states and the number of frames of 10 ms."""
        import numpy as np

        frames = min(_FRAMES, len(samples) // 160)
        mel = self._model.feature_extractor(samples)[:, :frames]
        return self._model.encode(np.pad(mel, ((0, 0), (0, _FRAMES - mel.shape[1])))), frames

    def language_of(self, states: Any) -> str:
        """Return the most probable language."""
        if not self._model.model.is_multilingual:
            return "en"
        return str(self._model.model.detect_language(states[0])[0][0][0]).strip("<|>")

    def decoded(self, states: Any, language: str, temperature: float, prompt: str = "") -> Decoded:
        """Return what is said."""
        import ctranslate2
        import numpy as np

        ctranslate2.set_random_seed(0)  # the same recording is judged the same again
        tokenizer = self._tokenizer_for(language)
        before = [tokenizer.sot_prev, *self._last_tokens(prompt)] if prompt else []
        found = self._model.model.generate(
            states[0],
            [[*before, *tokenizer.sot_sequence, tokenizer.no_timestamps]],
            beam_size=1,
            sampling_topk=0 if temperature else 1,
            sampling_temperature=temperature or 1.0,
            max_length=self._model.max_length,
            suppress_tokens=self._suppressed,
            return_scores=True,
            return_no_speech_prob=True,
            return_logits_vocab=True,
        )[0]
        tokens = tuple(token for token in found.sequences_ids[0] if token < tokenizer.eot)
        mean = found.scores[0] * len(found.sequences_ids[0]) / (len(found.sequences_ids[0]) + 1)
        following = np.stack([np.asarray(step, np.float32) for step in found.logits[0]])
        return Decoded(tokenizer.decode(tokens).strip(), tokens, mean, found.no_speech_prob, following)

    def timed_words(self, states: Any, language: str, tokens: Sequence[int]) -> list[HeardWord]:
        """Return the words of `tokens`, each from where the attention first reaches it to where it reaches the next."""
        tokenizer = self._tokenizer_for(language)
        (aligned,) = self._model.model.align(states[0], tokenizer.sot_sequence, [list(tokens)], states[1])
        begins: dict[int, float] = {}
        for token, state in aligned.alignments:
            begins.setdefault(token, state * _STATE_S)
        words, end = [], 0
        for text, own in zip(*tokenizer.split_to_word_tokens(list(tokens)), strict=True):
            start, end = end, end + len(own)
            words.append(HeardWord(text, begins[start], begins[end], tuple(own)))
        return words

    def log_probabilities(self, states: Any, language: str, texts: Sequence[str]) -> list[float]:
        """Return the log-probability of each text."""
        tokenizer = self._tokenizer_for(language)
        found = []
        for text in texts:
            tokens = tokenizer.encode(f" {text.strip()}")
            (scored,) = self._model.model.align(states[0], tokenizer.sot_sequence, [tokens], states[1])
            found.append(sum(math.log(max(probability, 1e-12)) for probability in scored.text_token_probs))
        return found

    def tokens_of(self, text: str) -> list[int]:
        """Return the tokens of a text."""
        return list(self._tokenizer.encode(text))

    def word_of(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens."""
        return str(self._tokenizer.decode(list(tokens)))

    def _last_tokens(self, prompt: str) -> list[int]:
        """Return the tokens of the end of `prompt`, as many as fit beside the text."""
        return self.tokens_of(f" {prompt.strip()}")[-(self.most_tokens - 1) :]

    def _tokenizer_for(self, language: str) -> Any:
        model = self._model
        return self._new_tokenizer(
            model.hf_tokenizer, model.model.is_multilingual, task="transcribe", language=language
        )
