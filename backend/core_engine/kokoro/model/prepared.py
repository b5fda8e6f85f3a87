"""Open models as this software runs them: with the frames of each token as an output, and computed in less time.

The output is appended to the model's bytes, for bytes appended to a protobuf message are merged into it. The graph of a
large model, or of one whose optimised graph is to be cached, is rewritten to be faster, which takes about a second.
"""

import logging
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from core_engine.kokoro.dimensions import STYLE_SIZE
from core_engine.kokoro.model.create import Create
from core_engine.kokoro.model.inference import read_signature, run
from core_engine.kokoro.model.int8_products import largest_pair
from core_engine.kokoro.model.times import frames_addition

logger = logging.getLogger(__name__)

_LARGEST_IN_MEMORY = 32 << 20  # larger models are copied as files, to save memory
_EXTERNAL_DATA_FOLDER = "session.model_external_initializers_file_folder_path"  # bytes have no folder
_TRIAL_IDS = (43, 47, 54)


class _NothingFasterError(Exception):
    """The model has no pattern that can be computed in less time."""


def prepared(create: Create, *, faster: bool = True) -> Create:
    """Wrap `create` so that its sessions have the output and, if `faster`, compute a faster graph.

    `create(path, **options)` opens a session for a file. What of it cannot be done is left out.
    """

    def open_prepared(path: str, **options: Any) -> Any:
        model = Path(path)
        addition = frames_addition(model)
        ways = [_open_faster] if faster and _is_worth_it(model, options) else []
        ways += [_open_with] if addition else []
        for way in ways:
            try:
                return way(addition, model, create, options)
            except Exception:  # an old runtime, a full disk, a graph like no other: preparing is optional
                logger.debug("The model is opened otherwise", exc_info=True)
        return create(path, **options)

    return open_prepared


def speak_once(session: Any) -> None:
    """Try a session; raises whatever is wrong."""
    run(session, read_signature(session), _TRIAL_IDS, np.zeros((1, STYLE_SIZE), np.float32), 1.0)


def _is_worth_it(model: Path, options: dict[str, Any]) -> bool:
    is_cached = bool(options["sess_options"].optimized_model_filepath)
    return is_cached or (model.is_file() and model.stat().st_size > _LARGEST_IN_MEMORY)


def _folder_beside_graph(options: dict[str, Any]) -> "tempfile.TemporaryDirectory[str]":
    """Return a temporary folder: where the runtime writes a graph, there is room for a copy of the model."""
    graph = options["sess_options"].optimized_model_filepath
    return tempfile.TemporaryDirectory(dir=Path(graph).parent if graph else None)


def _open_faster(addition: bytes, model: Path, create: Create, options: dict[str, Any]) -> Any:
    """Open a model that computes the same in less time; raises _NothingFasterError if there is none."""
    from core_engine.kokoro.graph.rewriting import write_faster  # a cached graph needs none of it

    with _folder_beside_graph(options) as folder:
        changed = Path(folder) / model.name
        if not write_faster(model, changed, largest_pair()):
            raise _NothingFasterError
        with changed.open("ab") as file:
            file.write(addition)
        session = create(os.fspath(changed), **options)
    speak_once(session)
    return session


def _open_with(addition: bytes, model: Path, create: Create, options: dict[str, Any]) -> Any:
    """Open the model with `addition` appended; raises OSError and the errors of `create`."""
    if model.stat().st_size <= _LARGEST_IN_MEMORY:
        options["sess_options"].add_session_config_entry(_EXTERNAL_DATA_FOLDER, os.fspath(model.parent))
        return create(model.read_bytes() + addition, **options)
    with _folder_beside_graph(options) as folder:
        longer = Path(folder) / model.name
        shutil.copyfile(model, longer)
        with longer.open("ab") as file:
            file.write(addition)
        return create(os.fspath(longer), **options)
