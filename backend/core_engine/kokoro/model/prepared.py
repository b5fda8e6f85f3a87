"""Open models as this software runs them: with the frames of each token as an output, and computed in less time.

The output is appended to the model's bytes, for bytes appended to a protobuf message are merged into it. A faster graph
takes seconds to write, so it is made only when the runtime's optimised graph is to be cached.
"""

import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from core_engine.kokoro.dimensions import STYLE_SIZE
from core_engine.kokoro.graph.rewriting import write_faster
from core_engine.kokoro.model.inference import read_signature, run
from core_engine.kokoro.model.times import frames_addition

logger = logging.getLogger(__name__)

_LARGEST_IN_MEMORY = 32 << 20  # larger models are copied as files, to save memory
_EXTERNAL_DATA_FOLDER = "session.model_external_initializers_file_folder_path"  # bytes have no folder
_TRIAL_IDS = (43, 47, 54)

Create = Callable[..., Any]


def prepared(create: Create) -> Create:
    """Wrap `create` so that its sessions have the output, and compute a faster graph where one is written.

    `create(path, **options)` opens a session for a file. A model that cannot be prepared is opened unchanged.
    """

    def open_prepared(path: str, **options: Any) -> Any:
        model = Path(path)
        addition = frames_addition(model)
        try:
            if options["sess_options"].optimized_model_filepath:
                return _open_faster(model, addition, create, options)
            if addition:
                return _open_with(addition, model, create, options)
        except Exception:  # an old runtime, a full disk, a graph like no other: preparing is optional
            logger.debug("The model is opened unchanged", exc_info=True)
        return create(path, **options)

    return open_prepared


def _open_faster(model: Path, addition: bytes, create: Create, options: dict[str, Any]) -> Any:
    """Open a faster model if there is one, and let the runtime write its graph; raises all that these raise."""
    with tempfile.TemporaryDirectory(dir=Path(options["sess_options"].optimized_model_filepath).parent) as folder:
        changed = Path(folder) / model.name
        is_faster = write_faster(model, changed)
        if not is_faster and not addition:
            return create(os.fspath(model), **options)
        if not is_faster:
            shutil.copyfile(model, changed)
        with changed.open("ab") as file:
            file.write(addition)
        session = create(os.fspath(changed), **options)
    if is_faster:
        run(session, read_signature(session), _TRIAL_IDS, np.zeros((1, STYLE_SIZE), np.float32), 1.0)
    return session


def _open_with(addition: bytes, model: Path, create: Create, options: dict[str, Any]) -> Any:
    """Open the model with `addition` appended; raises OSError and the errors of `create`."""
    if model.stat().st_size <= _LARGEST_IN_MEMORY:
        options["sess_options"].add_session_config_entry(_EXTERNAL_DATA_FOLDER, os.fspath(model.parent))
        return create(model.read_bytes() + addition, **options)
    with tempfile.TemporaryDirectory() as folder:
        longer = Path(folder) / model.name
        shutil.copyfile(model, longer)
        with longer.open("ab") as file:
            file.write(addition)
        return create(os.fspath(longer), **options)
