"""A thin writer for ONNX graphs: one call per operator, with constants as plain Python or numpy values."""

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

Value: TypeAlias = "str | float | int | list[int] | npt.NDArray[Any]"
"""A tensor's name, or a constant: float → float32, int → int64."""

OPSET = 17
IR_VERSION = 8
"""Readable by onnxruntime 1.17 and later."""


class GraphWriter:
    """Collects nodes and constants; `op` returns the name of a new tensor."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[tuple[Any, ...], onnx.TensorProto] = {}

    def constant(self, value: "float | int | list[int] | npt.NDArray[Any]", name: str | None = None) -> str:
        """Store `value` once and return its tensor name."""
        array = np.asarray(value)
        if array.dtype == np.float64 and not isinstance(value, np.ndarray):
            array = array.astype(np.float32)
        key = (array.dtype.str, array.shape, array.tobytes())
        if key not in self._constants:
            self._constants[key] = numpy_helper.from_array(array, name or f"constant_{len(self._constants)}")
        return self._constants[key].name

    def op(self, kind: str, *inputs: Value, name: str | None = None, **attributes: Any) -> str:
        """Add a `kind` node with `inputs` and return the name of its output."""
        names = [value if isinstance(value, str) else self.constant(value) for value in inputs]
        output = name or f"{kind.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, names, [output], name=output, **attributes))
        return output

    def chain(self, kind: str, first: Value, *rest: Value) -> str:
        """Fold a two-input operator over several inputs: chain("Add", a, b, c) is a + b + c."""
        result: Value = first
        for value in rest:
            result = self.op(kind, result, value)
        return str(result)

    def cast(self, value: Value, to: int) -> str:
        """Convert to the TensorProto type `to`."""
        return self.op("Cast", value, to=to)

    def floats(self, value: Value) -> str:
        """Convert to float32."""
        return self.cast(value, TensorProto.FLOAT)

    def shifted(self, value: Value, steps: int, fill: "npt.NDArray[Any]") -> str:
        """Shift a 1-D tensor by one: steps=+1 puts `fill` first and drops the last, steps=-1 the reverse."""
        if steps > 0:
            return self.op("Concat", fill, self.op("Slice", value, [0], [-1]), axis=0)
        return self.op("Concat", self.op("Slice", value, [1], [np.iinfo(np.int64).max]), fill, axis=0)

    def model(
        self, inputs: list[onnx.ValueInfoProto], outputs: list[onnx.ValueInfoProto], name: str
    ) -> onnx.ModelProto:
        """Return the checked model; the same calls always give the same bytes."""
        graph = helper.make_graph(self._nodes, name, inputs, outputs, list(self._constants.values()))
        opset = [helper.make_opsetid("", OPSET)]
        model = helper.make_model(graph, producer_name=name, opset_imports=opset, ir_version=IR_VERSION)
        onnx.checker.check_model(model)
        return model
