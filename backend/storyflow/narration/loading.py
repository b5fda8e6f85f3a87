"""Load a model for the commands that speak, while they import what else they need."""

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
import onnxruntime as ort

from core_engine.kokoro.model.cores import allowed_cores
from core_engine.kokoro.model.runtime import open_model
from core_engine.model_choice import AUTO, Model, choose_model
from core_engine.model_paths import BUILT_IN, RECOMMENDED
from core_engine.places import models_dir

if TYPE_CHECKING:
    from core_engine.kokoro.speech.synthesis import Kokoro

logger = logging.getLogger(__name__)

_MOST_WAITED_S = 0.1
"""For the runtime to begin: what comes before takes long only if a model must be read first."""


@dataclass(frozen=True)
class LoadedModel:
    """A loaded model."""

    model: Model
    kokoro: "Kokoro"


class Loading:
    """A model that is being opened in a thread; the runtime works on it without Python's lock."""

    def __init__(self, wanted: str, threads: int | None = None, *, parts: bool = False) -> None:
        """Choose the model `wanted`, warn if the built-in voice is used instead of Kokoro, and begin to open it.

        `threads` is the number of threads of one model run; by default all allowed cores. `parts` is whether its graph
        may be opened in two parts: sooner, but several runs at once need more memory. It returns when the runtime has
        begun, or a moment later.

        Raises ModelMissingError.
        """
        self._model = choose_model(wanted, models_dir())
        if wanted == AUTO:
            _announce(self._model)
        self._at_runtime = threading.Event()
        opener = ThreadPoolExecutor(1, "open")
        self._session = opener.submit(self._opened, threads, parts=parts and allowed_cores() > 1)
        opener.shutdown(wait=False)
        # Until then both threads need Python's lock, and imports at the same time would delay the opening.
        self._at_runtime.wait(_MOST_WAITED_S)

    def _opened(self, threads: int | None, *, parts: bool) -> Any:
        begin = time.perf_counter()
        try:
            session = open_model(self._model.path, threads, self._create, parts=parts)
        finally:
            self._at_runtime.set()
        logger.info("Opened '%s' in %.2f s", self._model.path, time.perf_counter() - begin)
        return session

    def _create(self, *model: Any, **options: Any) -> Any:
        self._at_runtime.set()
        return ort.InferenceSession(*model, **options)

    def loaded(self) -> LoadedModel:
        """Return the model with its voices once it is open; raises ModelFileError."""
        from core_engine.kokoro.speech.synthesis import Kokoro  # half of what a command imports: meanwhile

        return LoadedModel(self._model, Kokoro.around(self._session.result(), self._model.path))


def load_model(wanted: str, threads: int | None = None) -> LoadedModel:
    """Load the model `wanted` at once; arguments and errors are those of `Loading`."""
    return Loading(wanted, threads).loaded()


def _announce(model: Model) -> None:
    if model.name == BUILT_IN:
        click.echo(
            "Kokoro is not installed, so the small built-in voice is used. "
            f"Install Kokoro with: storyflow models pull {RECOMMENDED}",
            err=True,
        )
    else:
        click.echo(f"Using the best installed model: {model.name}", err=True)
