"""What the page needs of the engine that it is served by: its best model, its voices, and turns on its worker."""

from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from core_engine.kokoro.errors import KokoroError
from core_engine.kokoro.model.inference import Sound
from core_engine.kokoro.speech.synthesis import Kokoro, Utterance
from core_engine.kokoro.text.chunks import Chunk
from core_engine.kokoro.voice.packs import VoiceFile
from engines.contract.errors import EngineError

Submit = Callable[[Callable[[], Sound]], "Future[Sound]"]
"""Queues a run of the model on the engine's worker, behind those of other clients."""


@dataclass(frozen=True)
class Engine:
    """The engine, as far as narrations use it."""

    best: Callable[[], str]
    """Returns the name of the best installed model."""
    file: Callable[[str], Path]
    """Returns the ONNX file of a model."""
    voices: Callable[[str], Mapping[str, VoiceFile]]
    """Returns the voices of a model, without loading it."""
    loaded: Callable[[str], Awaitable[Kokoro]]
    """Returns a model, which it loads if another one is."""
    submit: Submit


@dataclass(frozen=True)
class TakingTurns(Kokoro):
    """A model whose runs wait for their turn on the engine's worker, so that other clients are heard in between."""

    submit: Submit = field(kw_only=True)
    before_each: Callable[[], None] = field(kw_only=True)
    """Called before each run; what it raises ends the narration."""

    @classmethod
    def of(cls, kokoro: Kokoro, submit: Submit, before_each: Callable[[], None]) -> "TakingTurns":
        """Return a loaded model as one that takes turns."""
        return cls(**vars(kokoro), submit=submit, before_each=before_each)

    def run(self, utterance: Utterance, chunk: Chunk) -> Sound:
        """Speak one chunk when it is its turn; raises as `Kokoro.run` does, and BusyError if the server is stopping."""
        self.before_each()
        try:
            return self.submit(partial(super().run, utterance, chunk)).result()
        except EngineError as error:
            if isinstance(error.__cause__, KokoroError):
                raise error.__cause__ from None
            raise
