"""Put together the nodes and tensors of a change, which computes a tensor of a graph in another way."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from core_engine.kokoro.graph.onnx_graph import Attribute, Node
from core_engine.kokoro.graph.onnx_writing import Change, scan


class NewNodes:
    """Nodes in the order in which they run, each with one result. The names of all but the last begin with `output`."""

    def __init__(self, output: str) -> None:
        self.nodes: list[Node] = []
        self.tensors: dict[str, npt.NDArray[np.generic]] = {}
        self._output = output
        self._pieces: list[str] = []

    def made(self, kind: str, inputs: Sequence[str], **attributes: Attribute) -> str:
        """Add a node; return the name of its result."""
        self.nodes.append(Node.new(kind, inputs, self._next_name, **attributes))
        return self.nodes[-1].outputs[0]

    def change(self, kind: str, inputs: Sequence[str], **attributes: Attribute) -> Change:
        """Return the change that makes `output`, with this as the last node."""
        last = Node.new(kind, inputs, self._output, **attributes)
        return Change(self._output, (*self.nodes, last), self.tensors)

    def constant(self, values: int | Sequence[int]) -> str:
        """Add a tensor of int64, which other parts may have, too; return its name."""
        return self.tensor(f"storyflow_{values}", np.array(values, np.int64))

    def tensor(self, name: str, values: npt.NDArray[np.generic]) -> str:
        """Add a tensor and return its name."""
        self.tensors[name] = values
        return name

    def inside(self) -> "NewNodes":
        """Return a place for the nodes of the next `scan`, with the same tensors."""
        inner = NewNodes(f"{self._next_name}/inside")
        inner.tensors = self.tensors
        return inner

    def piece(self) -> str:
        """Return the name of another piece for these nodes."""
        self._pieces.append(f"{self._output}/piece{len(self._pieces)}")
        return self._pieces[-1]

    def scan(self, inputs: Sequence[str], inner: "NewNodes") -> str:
        """Compute a large tensor in pieces, one after the other, so that what is between is small and fits the caches.

        `inputs` have the shape (pieces, …), and `inner` a `piece` for each. What its last node makes of each piece is
        written straight into its place in the result, of shape (pieces, …), whose name is returned.
        """
        node = scan(inner.nodes, inner._pieces, inputs, self._next_name, pieces=len(inputs))
        self.nodes.append(node)
        return node.outputs[0]

    @property
    def _next_name(self) -> str:
        return f"{self._output}/{len(self.nodes)}"
