"""Cache the optimised graph of a large model between starts.

The runtime optimises the graph of a model each time it opens it, and copies all weights. Once saved in optimised form,
with the weights in a separate file that the runtime maps, the same graph opens in a fraction of the time and needs less
memory. Each graph is for one model, one runtime and one type of processor.

A cached graph is a folder with a manifest, written last; one that does not verify is deleted and made again. The cache
never prevents a model from opening: if the folder is not writable or disappears, the model itself is opened.
"""

import contextlib
import logging
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnxruntime as ort

from core_engine.kokoro.model.create import Create
from core_engine.kokoro.model.graph_key import graph_key
from core_engine.kokoro.model.parts import open_both, part_paths
from engines.store import manifest
from engines.store.publishing import publish, rename
from engines.store.stamps import check_unchanged, note_verified

logger = logging.getLogger(__name__)

SETTING = "STORYFLOW_CACHE_DIR"
OFF = "off"
SMALLEST_BYTES = 32 << 20  # smaller models open fast without a cache
LIMIT_BYTES = 2 << 30  # of all cached graphs together; one of Kokoro takes 90 to 140 MB in int8, 325 MB in float32

_GRAPH = "graph.onnx"
_WEIGHTS = "weights.bin"
_WEIGHT_BYTES = 1024  # smaller tensors stay in the graph file
_OF_WHOLE_NUMBERS = re.compile(b"Quantize|Integer|NBits")
_BUILDING = ".building-"
_ABANDONED_S = 3600  # writing a graph never takes longer


def graph_cache_for(model: Path) -> "GraphCache | None":
    """Return the cache for the graph of `model`; None if the model is small or the cache is turned off.

    The folder is STORYFLOW_CACHE_DIR, otherwise the user's cache folder.
    """
    try:
        folder = cache_folder()
        return GraphCache(folder / "graphs") if folder and model.stat().st_size >= SMALLEST_BYTES else None
    except OSError:  # the runtime reports missing files
        return None


def cache_folder() -> Path | None:
    """Return the folder for what can be made again at any time; None if it is turned off or the user has no home."""
    given = os.environ.get(SETTING)
    if given == OFF:
        return None
    try:
        return Path(given).expanduser().absolute() if given else _users_cache()
    except RuntimeError:
        return None


@dataclass(frozen=True)
class GraphCache:
    """The cache folder. Processes may share it, and it may be deleted at any time."""

    folder: Path
    limit_bytes: int = LIMIT_BYTES

    def find(self, model: Path, options: Any, create: Create) -> Any:
        """Return a session of the cached graph of `model`; None if there is none that verifies and opens.

        `options` are SessionOptions; `create` opens a session for a path with them.
        """
        try:
            kept = self._place_of(model)
        except OSError:  # left to the runtime to report
            return None
        if not kept.is_dir():
            return None
        try:
            return _open_kept(kept, options, create)
        except Exception as error:  # whatever is wrong, the model itself can be opened
            logger.warning("The cached graph '%s' cannot be used and is made again: %s", kept, error)
            shutil.rmtree(kept, ignore_errors=True)
            return None

    def has(self, model: Path) -> bool:
        """Return whether a graph of `model` is cached; raises OSError for a model that cannot be read."""
        return self._place_of(model).is_dir()

    def make(self, model: Path, new_options: Callable[[], Any], create: Create) -> Any:
        """Return a session of `model` and cache its graph; raises the errors of `create`."""
        building = self._new_folder(model)
        if building is None:
            return create(os.fspath(model), sess_options=new_options())
        try:
            session = _open_and_write(model, building, new_options, create)
            _cut(building / _GRAPH, new_options)
            self._publish(building, model)
        finally:
            shutil.rmtree(building, ignore_errors=True)
        return session

    def _place_of(self, model: Path) -> Path:
        return self.folder / graph_key(model, self.folder)

    def _new_folder(self, model: Path) -> Path | None:
        """Return a folder to build in; None if there is no space or it cannot be written."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._sweep()
            if shutil.disk_usage(self.folder).free < 4 * model.stat().st_size:
                return None
            return Path(tempfile.mkdtemp(prefix=_BUILDING, dir=self.folder))
        except OSError as error:
            logger.debug("Graphs cannot be cached in '%s': %s", self.folder, error)
            return None

    def _publish(self, building: Path, model: Path) -> None:
        try:
            kept = self._place_of(model)
            graph = building / _GRAPH
            files = [path for path in (graph, *part_paths(graph), building / _WEIGHTS) if path.exists()]
            if not files:  # the runtime did not write a graph
                return
            entries = [manifest.FileEntry(path.name, path.stat().st_size, manifest.sha256_of(path)) for path in files]
            for path in files:
                _flush(path)
            publish(building / manifest.NAME, manifest.to_json(entries))
            rename(building, kept)
            note_verified(kept)
            self._make_room(kept)
        except OSError as error:  # another process was first, or the disk is full
            logger.debug("The graph of '%s' was not cached: %s", model, error)

    def _make_room(self, newest: Path) -> None:
        """Delete the least recently used graphs until the rest fit the limit."""
        kept = [path for path in self.folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
        size = 0
        for path in sorted(kept, key=lambda path: (path != newest, -path.stat().st_mtime_ns)):
            size += sum(file.stat().st_size for file in path.iterdir())
            if size > self.limit_bytes and path != newest:
                shutil.rmtree(path, ignore_errors=True)

    def _sweep(self) -> None:
        """Delete unfinished folders of killed processes."""
        for path in self.folder.glob(f"{_BUILDING}*"):
            if time.time() - path.stat().st_mtime > _ABANDONED_S:
                shutil.rmtree(path, ignore_errors=True)


def _open_kept(kept: Path, options: Any, create: Create) -> Any:
    """Open a cached graph without optimising it again; raises if it does not verify or open."""
    if manifest.listed_files(kept) is None:
        raise manifest.DamagedModelError("it has no manifest.")
    check_unchanged(kept)
    session = create(os.fspath(kept / _GRAPH), sess_options=_for_optimised(kept / _GRAPH, options))
    with contextlib.suppress(OSError):
        os.utime(kept)  # the most recently used is deleted last
    return session


def _for_optimised(graph: Path, options: Any) -> Any:
    """Return the options, with what a graph that is already optimised needs."""
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    if not _is_quantized(graph):
        # Prepacking weights takes half of the opening time and copies them, without making a sentence faster.
        options.add_session_config_entry("session.disable_prepacking", "1")
    return options


def _is_quantized(graph: Path) -> bool:
    """Return whether a graph has integer operators, which do benefit from prepacked weights."""
    return _OF_WHOLE_NUMBERS.search(graph.read_bytes()) is not None


def _open_and_write(model: Path, building: Path, new_options: Callable[[], Any], create: Create) -> Any:
    """Open a model and let the runtime write its optimised graph."""
    options = new_options()
    options.optimized_model_filepath = os.fspath(building / _GRAPH)
    options.add_session_config_entry("session.optimized_model_external_initializers_file_name", _WEIGHTS)
    options.add_session_config_entry(
        "session.optimized_model_external_initializers_min_size_in_bytes", str(_WEIGHT_BYTES)
    )
    try:
        return create(os.fspath(model), sess_options=options)
    except Exception:  # the disk or the model is at fault: opening it without writing shows which
        logger.debug("The graph could not be written", exc_info=True)
        for path in building.iterdir():
            path.unlink()
        return create(os.fspath(model), sess_options=new_options())


def _cut(graph: Path, new_options: Callable[[], Any]) -> None:
    """Write the parts of a graph beside it, if it can be cut and they speak."""
    from core_engine.kokoro.graph.halves import write_halves  # a cached graph needs none of these
    from core_engine.kokoro.model.prepared import speak_once

    try:
        if write_halves(graph, *part_paths(graph)):
            speak_once(open_both(graph, ort.InferenceSession, _for_optimised(graph, new_options())))
    except Exception:  # a full disk, a graph that was not written or is like no other: the whole of it can be opened
        logger.debug("The graph was not cut", exc_info=True)
        for part in part_paths(graph):
            part.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _users_cache() -> Path:
    """Return the user's cache folder; raises RuntimeError if the user has no home."""
    import platformdirs

    return platformdirs.user_cache_path("storyflow", appauthor=False)
