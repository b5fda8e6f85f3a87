"""Open a graph that was cut in two, both parts at once, as one session."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from core_engine.kokoro.model.arenas import Create

_STOP_WAITING = "session.force_spinning_stop"


def part_paths(graph: Path) -> tuple[Path, Path]:
    """Return the paths of the two parts of a graph, beside it."""
    return graph.with_name("storyflow-first-part.onnx"), graph.with_name("storyflow-second-part.onnx")


def in_parts(create: Create) -> Create:
    """Wrap `create`, which opens a session with `sess_options`: where a graph's parts lie beside it, they are opened.

    The result has what `SessionInParts` has of a session.
    """

    def open_parts(path: Any, *, sess_options: Any, **options: Any) -> Any:
        paths = part_paths(Path(path)) if isinstance(path, str) else ()
        if not paths or not all(part.is_file() for part in paths):
            return create(path, sess_options=sess_options, **options)
        # Otherwise the threads of the first part keep a core busy for a while after it has run.
        sess_options.add_session_config_entry(_STOP_WAITING, "1")
        with ThreadPoolExecutor(len(paths)) as openers:
            first, second = openers.map(lambda part: create(str(part), sess_options=sess_options, **options), paths)
        return SessionInParts(first, second)

    return open_parts


class SessionInParts:
    """Two sessions, the second of which takes what the first makes, as one. Thread-safe."""

    def __init__(self, first: Any, second: Any) -> None:
        """Make one session of two; tensors that the first returns and the second takes are neither's."""
        self._parts = (first, second)
        passed = {output.name for output in first.get_outputs()} & {given.name for given in second.get_inputs()}
        self._inputs = {given.name: given for part in self._parts for given in part.get_inputs()}
        self._outputs = {made.name: made for part in (second, first) for made in part.get_outputs()}
        for name in passed:
            del self._inputs[name], self._outputs[name]

    def get_inputs(self) -> Sequence[Any]:
        """Return what is to be given to `run`."""
        return list(self._inputs.values())

    def get_outputs(self) -> Sequence[Any]:
        """Return what `run` returns, in this order."""
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
