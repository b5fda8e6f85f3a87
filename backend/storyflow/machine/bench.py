"""Measure how fast this machine speaks, compare it with the model alone, and advise what would make it faster."""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from core_engine.kokoro.model.cores import allowed_cores
from core_engine.kokoro.model.graph_cache import SETTING, SMALLEST_BYTES, graph_cache_for
from core_engine.kokoro.model.runtime import CUDA, int8_is_fastest, provider_names
from core_engine.kokoro.speech.synthesis import Kokoro, Speech
from core_engine.kokoro.speech.throughput import Line, speak_each, workers_for
from core_engine.kokoro.voice.voices import DEFAULT_VOICE_ID
from core_engine.model_choice import Model
from core_engine.model_paths import RECOMMENDED
from engines.serving.gpu import gpu_memory
from storyflow.narration.loading import load_model
from storyflow.narration.speaking import save_speech

SENTENCE = "The lighthouse keeper climbed the stairs at dusk, carrying a lantern and a book of old letters."
ROUNDS = 3
_SENTENCES_PER_CORE = 2
_SAME_IN_FLOAT = {"kokoro-v1.0", "kokoro-v1.0-fp16"}
"""The recommended int8 model in other precisions."""


@dataclass(frozen=True)
class Timing:
    """The length of some audio and the time it took to generate."""

    audio_s: float
    seconds: float

    @property
    def real_time_factor(self) -> float:
        """Seconds of work per second of audio: below 1 is faster than real time."""
        return self.seconds / self.audio_s


@dataclass(frozen=True)
class Measurement:
    """The measurements of one model."""

    model: str
    provider: str
    """CPU or CUDA."""
    cores: int
    """The cores this process may use."""
    load_s: float
    sentence: Timing
    """One sentence to a WAV, on all cores."""
    bare: Timing
    """The model's runs for that sentence alone: the lower bound."""
    narration: Timing
    """Many sentences, spoken as `narrate` does."""
    narration_cpu_s: float
    """CPU time of that on all cores."""
    advice: tuple[str, ...]
    """What would make it faster."""

    @property
    def core_seconds(self) -> float:
        """Core-seconds per second of audio, by which the cost of large works can be estimated; see docs/scale.md."""
        return self.narration_cpu_s / self.narration.audio_s


def measure(wanted: str) -> Measurement:
    """Load the model `wanted` and time it; raises what loading and speaking raise."""
    loaded, load_s = _timed(lambda: load_model(wanted))
    sentence, bare = _sentence(loaded.kokoro)
    provider = str(loaded.kokoro.session.get_providers()[0])
    model = loaded.model
    del loaded  # frees the memory before the next session opens
    narration, cpu_s = _narration(Kokoro.load(model.path, threads=1), workers_for(model.path))
    advice = tuple(_advice(model, provider))
    name = provider_names([provider])[0]
    return Measurement(model.name, name, allowed_cores(), load_s, sentence, bare, narration, cpu_s, advice)


def _sentence(kokoro: Kokoro) -> tuple[Timing, Timing]:
    """Time a sentence, from text to flushed file, and the model's runs for it, alternately."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sentence.wav"
        utterance = kokoro.prepare(SENTENCE)
        audio_s = save_speech(kokoro.speak(SENTENCE), path).duration  # warm-up
        whole, bare = [], []
        for _ in range(ROUNDS):
            whole.append(_timed(lambda: save_speech(kokoro.speak(SENTENCE), path))[1])
            bare.append(_timed(lambda: [kokoro.run(utterance, chunk) for chunk in utterance.chunks])[1])
    return Timing(audio_s, median(whole)), Timing(audio_s, median(bare))


def _narration(kokoro: Kokoro, workers: int) -> tuple[Timing, float]:
    """Time a narration; return its CPU time, too."""
    lines = [Line(SENTENCE, DEFAULT_VOICE_ID)] * (_SENTENCES_PER_CORE * allowed_cores())
    kokoro.speak(SENTENCE)
    cpu_s = time.process_time()
    spoken, seconds = _timed(lambda: list(speak_each(kokoro, lines, workers)))
    cpu_s = time.process_time() - cpu_s
    audio_s = 0.0
    for speech in spoken:
        if not isinstance(speech, Speech):
            raise speech
        audio_s += len(speech.audio) / speech.sample_rate
    return Timing(audio_s, seconds), cpu_s


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    begin = time.perf_counter()
    result = work()
    return result, time.perf_counter() - begin


def _advice(model: Model, provider: str) -> Iterator[str]:
    machine = os.cpu_count() or 1
    if allowed_cores() < machine:
        yield (
            f"This process may use {allowed_cores()} of {machine} cores. Allow it more (CPU affinity, or the "
            f"container's --cpus): a narration uses every allowed core."
        )
    if provider != CUDA and gpu_memory():
        yield "There is an NVIDIA GPU. To use it: `pip uninstall onnxruntime`, then `pip install onnxruntime-gpu`."
    if model.path.stat().st_size < SMALLEST_BYTES:
        return
    names = {model.name, model.path.stem}
    if names & _SAME_IN_FLOAT and int8_is_fastest():
        yield f"{RECOMMENDED} is the fastest model on this processor."
    elif RECOMMENDED in names and provider == CUDA:
        yield "kokoro-v1.0 is faster on a GPU, which has no int8 convolutions: they run on the processor."
    cache = graph_cache_for(model.path)
    if cache is None:
        yield f"The optimised graph is not cached: {SETTING} is `off`, or there is no home folder. A cache is faster."
    elif not cache.has(model.path):
        yield f"The optimised graph could not be saved in '{cache.folder}'. Make it writable, with space for the model."
