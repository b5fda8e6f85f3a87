"""A stand-in for openai-whisper and PyTorch: the names and signatures that tests/real/test_whisper.py finds in them."""

import contextlib
import types
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

TEXT = "The old house stood on the hill."
VOCABULARY, END = 400, 350
PROMPT = (END + 1, END + 2)


class Array(np.ndarray):
    """What a tensor can do, as far as the engine uses it."""

    device = "cpu"

    def half(self) -> "Array":
        return self.astype(np.float16).view(Array)

    def float(self) -> "Array":
        return self.astype(np.float32).view(Array)

    def cpu(self) -> "Array":
        return self

    def numpy(self) -> "np.ndarray":
        return np.asarray(self)

    def to(self, device: Any) -> "Array":
        return self

    def expand(self, rows: int, *_: int) -> "Array":
        repeated: Array = np.repeat(self, rows, axis=0).view(Array)
        return repeated

    def log_softmax(self, axis: int) -> "Array":
        normalised: Array = (self - np.log(np.exp(self).sum(axis=axis, keepdims=True))).view(Array)
        return normalised


@dataclass(frozen=True)
class Result:
    """What whisper.decode returns."""

    text: str = TEXT
    avg_logprob: float = -0.2
    no_speech_prob: float = 0.01
    tokens: tuple[int, ...] = ()


class Tokenizer:
    """A token for each word."""

    eot = END
    sot_sequence_including_notimestamps = PROMPT

    def __init__(self) -> None:
        self.words: list[str] = []

    def encode(self, text: str) -> list[int]:
        for word in text.split():
            if word not in self.words:
                self.words.append(word)
        return [self.words.index(word) for word in text.split()]

    def decode(self, tokens: Any) -> str:
        return "".join(f" {self.words[token]}" for token in tokens)


class Model:
    """What whisper.model.Whisper does, as far as the engine sees it."""

    def __init__(self) -> None:
        self.dims = types.SimpleNamespace(n_text_ctx=448, n_mels=80)
        self.is_multilingual, self.num_languages = True, 99
        self.device = types.SimpleNamespace(type="cpu")
        self.tokenizer = Tokenizer()
        self.heard: list[int] = []  # numbers of samples
        self.options: list[Any] = []
        self.answers: list[Any] = []  # of the next calls, before the usual one
        self.said: list[str] = []  # what else is as probable as what was decoded
        self._last = TEXT

    def to(self, device: str) -> "Model":
        self.device.type = device
        return self

    def eval(self) -> "Model":
        return self

    def embed_audio(self, mel: Array) -> Array:
        return np.zeros((1, 4, 2), mel.dtype).view(Array)

    def detect_language(self, states: Array) -> tuple[None, dict[str, float]]:
        return None, {"en": 0.1, "de": 0.9}

    def decode(self, states: Array, options: Any) -> Result:
        assert states.dtype == (np.float16 if options.fp16 else np.float32)
        self.options.append(options)
        answer = self.answers.pop(0) if self.answers else Result()
        if isinstance(answer, Exception):
            raise answer
        self._last = answer.text
        return replace(answer, tokens=answer.tokens or tuple(self.tokenizer.encode(answer.text)))

    def logits(self, tokens: Array, states: Array) -> Array:
        """What was decoded, and `said`, is 20 more probable than anything else at its place."""
        found = np.zeros((*tokens.shape, VOCABULARY), np.float32)
        for text in (self._last, *self.said):
            for place, token in enumerate(self.tokenizer.encode(text)):
                if place + len(PROMPT) <= tokens.shape[1]:
                    found[:, place + len(PROMPT) - 1, token] = 20
        return found.view(Array)


class Library:
    """The modules of the library, and what they were asked for."""

    def __init__(self) -> None:
        self.model = Model()
        self.load_error: BaseException | None = None
        self.opened: list[str] = []
        self.cuda = False

    def load_model(self, name: str, device: str) -> Model:
        self.opened.append(name)
        if self.load_error:
            raise self.load_error
        self.model.device.type = device
        return self.model

    def spectrogram(self, samples: "np.ndarray", n_mels: int, padding: int) -> Array:
        assert samples.dtype == np.float32  # float64 is refused: openai/whisper, pull request 2831
        self.model.heard.append(len(samples))
        return np.zeros((n_mels, 3000), np.float32).view(Array)

    def modules(self) -> dict[str, Any]:
        languages = dict.fromkeys(["en", "zh", "de", "pt", *(f"x{number}" for number in range(95)), "yue"])
        cuda = types.SimpleNamespace(is_available=lambda: self.cuda, empty_cache=lambda: None)
        torch = types.SimpleNamespace(
            cuda=cuda,
            manual_seed=lambda seed: None,
            no_grad=contextlib.nullcontext,
            tensor=lambda rows, device: np.array(rows).view(Array),
            __spec__=object(),
        )
        audio = types.SimpleNamespace(
            HOP_LENGTH=160,
            N_FRAMES=3000,
            N_SAMPLES=480_000,
            log_mel_spectrogram=self.spectrogram,
            pad_or_trim=lambda mel, frames: mel,
        )
        return {
            "torch": torch,
            "whisper": types.SimpleNamespace(
                load_model=self.load_model,
                decode=lambda model, states, options: model.decode(states, options),
                DecodingOptions=types.SimpleNamespace,
            ),
            "whisper.tokenizer": types.SimpleNamespace(
                LANGUAGES=languages, get_tokenizer=lambda *_, **__: self.model.tokenizer
            ),
            "whisper.audio": audio,
            "faster_whisper": None,  # as in the engine's own environment
        }
