"""The one place that opens ONNX models: threads, memory, providers and what is refused before the runtime looks."""

import logging
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import onnxruntime as ort

from core_engine.kokoro.errors import ModelFileError
from core_engine.kokoro.model.cores import allowed_cores
from core_engine.kokoro.model.external_data import check_external_data
from core_engine.kokoro.model.graph_cache import graph_cache_for
from core_engine.kokoro.model.times import telling_frames
from engines.store.manifest import DamagedModelError, model_of
from engines.store.stamps import check_unchanged

logger = logging.getLogger(__name__)

CUDA = "CUDAExecutionProvider"
CPU = "CPUExecutionProvider"


def open_session(
    model_path: str | os.PathLike[str], threads: int | None = None, create: Callable[..., Any] | None = None
) -> Any:
    """Open an ONNX model on the GPU where the installed runtime has one, otherwise on the CPU.

    `threads` is the number that one run may use; all allowed cores unless given. `create` makes the session;
    onnxruntime's InferenceSession unless given. A model that computes the frames of its tokens gets an output more,
    which tells them (see `times`).

    Raises ModelFileError for a file that would make the runtime read outside the model's folder, or that is not what
    its manifest says, and whatever the runtime raises for a file that it cannot load.
    """
    path = Path(model_path)
    create = create or ort.InferenceSession
    _check_manifest(path)
    if CUDA not in ort.get_available_providers():
        return _open_on_cpu(path, threads, create)
    check_external_data(path)
    return _open_on_gpu(os.fspath(path), threads, telling_frames(create))


def open_model(model_path: Path, threads: int | None = None) -> Any:
    """Open an ONNX model as `open_session` does; raise ModelFileError for whatever keeps it from being loaded."""
    try:
        return open_session(model_path, threads)
    except ModelFileError:
        raise
    except Exception as error:  # the runtime has a dozen kinds, all of them meaning this
        raise ModelFileError(f"The model '{model_path}' cannot be loaded: {error}") from error


def _check_manifest(path: Path) -> None:
    """Refuse a model that was installed with a manifest and has changed since."""
    try:
        model = model_of(path) if path.exists() else None
        if model:
            check_unchanged(model)
    except DamagedModelError as error:
        raise ModelFileError(
            f"{error} It was not loaded. `storyflow models verify` tells more, and `storyflow models pull` fetches a "
            f"published model again."
        ) from error


def session_options(threads: int | None = None) -> Any:
    """Return the options of every session: as many threads as cores are allowed, memory flat over changing lengths."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or allowed_cores()
    options.inter_op_num_threads = 1
    # A memory pattern is kept for every input length that was ever seen, and no two texts are equally long.
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    return options


def _open_on_cpu(path: Path, threads: int | None, create: Callable[..., Any]) -> Any:
    cache = graph_cache_for(path)
    session = cache.find(path, session_options(threads), create) if cache else None
    if session is not None:
        return session
    references = check_external_data(path)
    if cache is None or references:
        return telling_frames(create)(os.fspath(path), sess_options=session_options(threads))
    return cache.make(path, partial(session_options, threads), telling_frames(create))


def _open_on_gpu(path: str, threads: int | None, create: Callable[..., Any]) -> Any:
    # The provider list is given because the runtime, since 1.9, does not choose CUDA by itself.
    try:
        session = create(path, sess_options=session_options(threads), providers=[CUDA, CPU])
    except Exception as error:
        logger.warning("CUDA could not start (%s); Kokoro runs on the CPU.", error)
        return create(path, sess_options=session_options(threads), providers=[CPU])
    if CUDA not in session.get_providers():
        logger.warning("onnxruntime-gpu is installed but CUDA could not start; Kokoro runs on the CPU.")
    return session
