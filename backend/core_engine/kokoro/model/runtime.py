"""Open ONNX models: safety checks, threads, memory and execution providers."""

import logging
import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import onnxruntime as ort

from core_engine.kokoro.errors import ModelFileError
from core_engine.kokoro.model.arenas import with_arena_for
from core_engine.kokoro.model.cores import allowed_cores
from core_engine.kokoro.model.create import Create
from core_engine.kokoro.model.graph_cache import GraphCache, graph_cache_for
from core_engine.kokoro.model.parts import in_parts
from engines.store.manifest import DamagedModelError, model_of
from engines.store.stamps import check_unchanged

logger = logging.getLogger(__name__)

CUDA = "CUDAExecutionProvider"
CPU = "CPUExecutionProvider"


def provider_names(providers: Iterable[str]) -> tuple[str, ...]:
    """Return what onnxruntime runs models on as people call it, e.g. "CUDA", "CPU"."""
    return tuple(provider.removesuffix("ExecutionProvider") for provider in providers)


def int8_is_fastest() -> bool:
    """Return whether int8 models are the fastest: on all processors measured, but not on GPUs, which lack operators."""
    return CUDA not in ort.get_available_providers()


def open_session(
    model_path: str | os.PathLike[str],
    threads: int | None = None,
    create: Create | None = None,
    *,
    parts: bool = False,
) -> Any:
    """Open an ONNX model on the GPU if the installed runtime supports it, otherwise on the CPU.

    `threads` is the number of threads per run, by default all allowed cores; with fewer, there is room for several runs
    at once. `create` makes the session; by default onnxruntime's InferenceSession. A model that computes the frames of
    its tokens gets an extra output for them (see `times`). `parts` is whether a cached graph may be opened sooner, in
    two parts at once: the session is then a `SessionInParts`.

    Raises ModelFileError for a file that refers to data outside the model's folder or does not match its manifest,
    and any error of the runtime for a file that it cannot load.
    """
    path = Path(model_path)
    create = create or ort.InferenceSession
    _check_manifest(path)
    if CUDA not in ort.get_available_providers():
        return _open_on_cpu(path, threads, create, parts)
    return _open_on_gpu(path, threads, create)


def open_model(
    model_path: Path, threads: int | None = None, create: Create | None = None, *, parts: bool = False
) -> Any:
    """Open an ONNX model like `open_session`, but raise ModelFileError for every failure."""
    try:
        return open_session(model_path, threads, create, parts=parts)
    except ModelFileError:
        raise
    except Exception as error:  # the runtime has a dozen exception types for this
        raise ModelFileError(f"The model '{model_path}' cannot be loaded: {error}") from error


def _check_manifest(path: Path) -> None:
    """Raise ModelFileError for a model that has changed since its manifest was written."""
    try:
        model = model_of(path) if path.exists() else None
        if model:
            check_unchanged(model)
    except DamagedModelError as error:
        raise ModelFileError(
            f"{error} It was not loaded. `storyflow models verify` shows details, and `storyflow models pull` "
            f"downloads a published model again."
        ) from error


def session_options(threads: int | None = None) -> Any:
    """Return the session options: by default a thread per allowed core; constant memory for inputs of any length."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads or allowed_cores()
    options.inter_op_num_threads = 1
    # The runtime would keep a memory pattern for every input length, and nearly every text has another length.
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    return options


def _open_on_cpu(path: Path, threads: int | None, create: Create, parts: bool) -> Any:
    several_runs = threads is not None and threads < allowed_cores()
    in_arena = partial(with_arena_for, path, several_runs=several_runs)
    cache = graph_cache_for(path)
    opened = in_arena(in_parts(create) if parts else create)
    session = cache.find(path, session_options(threads), opened) if cache else None
    return _open_model_itself(path, threads, in_arena(create), cache) if session is None else session


def _open_model_itself(path: Path, threads: int | None, create: Create, cache: GraphCache | None) -> Any:
    """Open a model of which no graph is cached, and cache one."""
    from core_engine.kokoro.model.external_data import check_external_data  # a cached graph needs none of these
    from core_engine.kokoro.model.prepared import prepared

    references = check_external_data(path)
    if cache is None or references:
        return prepared(create)(os.fspath(path), sess_options=session_options(threads))
    return cache.make(path, partial(session_options, threads), prepared(create))


def _open_on_gpu(model: Path, threads: int | None, create: Create) -> Any:
    from core_engine.kokoro.model.external_data import check_external_data
    from core_engine.kokoro.model.prepared import prepared

    check_external_data(model)
    path, create = os.fspath(model), prepared(create, faster=False)
    # The provider list is required: since 1.9 the runtime does not choose CUDA by itself.
    try:
        session = create(path, sess_options=session_options(threads), providers=[CUDA, CPU])
    except Exception as error:
        logger.warning("CUDA could not start (%s); Kokoro runs on the CPU.", error)
        return create(path, sess_options=session_options(threads), providers=[CPU])
    if CUDA not in session.get_providers():
        logger.warning("onnxruntime-gpu is installed but CUDA could not start; Kokoro runs on the CPU.")
    return session
