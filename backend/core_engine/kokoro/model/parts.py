"""Open a graph that was cut in two, both parts at once, as one session."""

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from core_engine.kokoro.model.create import Create

logger = logging.getLogger(__name__)

_STOP_WAITING = "session.force_spinning_stop"


def part_paths(graph: Path) -> tuple[Path, Path]:
    """Return the paths of the two parts of a graph, beside it."""
    return graph.with_name("first-part.onnx"), graph.with_name("second-part.onnx")


def in_parts(create: Create) -> Create:
    """Wrap `create`: it opens both parts of a graph, as a `SessionInParts`, or the whole if that fails.

    It is for graphs that this software has written: the parts are not checked.
    """

    def open_parts(graph: str, *, sess_options: Any) -> Any:
        if all(part.is_file() for part in part_paths(Path(graph))):
            try:
                return open_both(Path(graph), create, sess_options)
            except Exception:  # e.g. there can be no more threads
                logger.info("The graph '%s' is opened as a whole", graph, exc_info=True)
        return create(graph, sess_options=sess_options)

    return open_parts


def open_both(graph: Path, create: Create, options: Any) -> "SessionInParts":
    """Open the parts of a graph with these options; raises the errors of `create`."""
    first, second = part_paths(graph)
    # Otherwise the threads of the first part keep a core busy for a while after it has run.
    options.add_session_config_entry(_STOP_WAITING, "1")
    with ThreadPoolExecutor(1, "open-part") as other:
        opening = other.submit(create, str(first), sess_options=options)
        session = create(str(second), sess_options=options)
        return SessionInParts(opening.result(), session)


class SessionInParts:
    """Two sessions, the second of which takes what the first makes, as one. Thread-safe.

    It has those methods of onnxruntime's InferenceSession that this software uses.
    """

    def __init__(self, first: Any, second: Any) -> None:
        """Make one session of two. What the first passes to the second is neither an input nor an output of it."""
        self._parts = (first, second)
        passed = {output.name for output in first.get_outputs()} & {given.name for given in second.get_inputs()}
        self._inputs = {given.name: given for part in self._parts for given in part.get_inputs()}
        self._outputs = {made.name: made for part in (second, first) for made in part.get_outputs()}
        for name in passed:
            del self._inputs[name], self._outputs[name]

    def get_inputs(self) -> Sequence[Any]:
        """Return what is to be given to `run`; an input of the model that no node takes is not among it."""
        return list(self._inputs.values())

    def get_outputs(self) -> Sequence[Any]:
        """Return what `run` returns, in this order: the first output of the model is the first."""
        return list(self._outputs.values())

    def get_providers(self) -> Sequence[str]:
        """Return what both run on."""
        providers: Sequence[str] = self._parts[1].get_providers()
        return providers

    def get_modelmeta(self) -> Any:
        """Return the metadata of the model."""
        return self._parts[1].get_modelmeta()

    def run(self, names: Sequence[str] | None, feed: Mapping[str, Any]) -> list[Any]:
        """Return the outputs of these names, by default all; `feed` has the inputs by name."""
        values = dict(feed)
        for part in self._parts:
            given = {tensor.name: values[tensor.name] for tensor in part.get_inputs()}
            made = [tensor.name for tensor in part.get_outputs()]
            values |= zip(made, part.run(made, given), strict=True)
        return [values[name] for name in names or self._outputs]
