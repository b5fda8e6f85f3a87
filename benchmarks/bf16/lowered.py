"""The network in OpenVINO: ranks made known, and the convolutions that only shape the sound in bf16."""

from pathlib import Path

import numpy as np
import openvino as ov
from openvino import opset15 as ops

VARIANTS = ("float32", "bf16 convolutions", "bf16 hint")
"""All in float32; the sound's convolutions in bf16 and the rest in float32; whatever OpenVINO makes bf16 when asked."""

_STEERING = ("Round", "CumSum")
"""Durations are rounded and phases summed up: what flows into these has to stay exact."""


def compiled(path: Path, variant: str, threads: int) -> ov.CompiledModel:
    """Return an ONNX model without loops, ready to run on the CPU."""
    core = ov.Core()
    model = _with_known_ranks(core.read_model(path))
    if variant == "bf16 convolutions":
        _lower_convolutions(model)
    precision = ov.Type.bf16 if variant == "bf16 hint" else ov.Type.f32
    settings = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": threads}
    return core.compile_model(model, "CPU", settings)


def _with_known_ranks(model: ov.Model) -> ov.Model:
    """Write a Squeeze of all lengths 1 as a Reshape where one length is not 1: the plugin wants to know the rank."""
    for node in model.get_ordered_ops():
        if node.get_type_name() == "Squeeze" and node.get_input_size() == 1:
            lengths = node.input(0).get_partial_shape()
            if sum(length != ov.Dimension(1) for length in lengths) == 1:
                flat = ops.reshape(node.input(0).get_source_output(), np.array([-1], np.int64), False)
                _replace(node, flat)
    model.validate_nodes_and_infer_types()
    return model


def _lower_convolutions(model: ov.Model) -> None:
    steering = _ancestors(model, _STEERING)
    for node in model.get_ordered_ops():
        if node.get_type_name() == "Convolution" and node.get_friendly_name() not in steering:
            data, weights = (ops.convert(value.get_source_output(), ov.Type.bf16) for value in node.inputs())
            kept = node.get_attributes()
            lowered = ops.convolution(
                data, weights, kept["strides"], kept["pads_begin"], kept["pads_end"], kept["dilations"],
                kept["auto_pad"],
            )  # fmt: skip
            _replace(node, ops.convert(lowered, ov.Type.f32))
    model.validate_nodes_and_infer_types()


def _replace(node: ov.Node, other: ov.Node) -> None:
    names = node.output(0).get_tensor().get_names()
    for user in list(node.output(0).get_target_inputs()):
        user.replace_source_output(other.output(0))
    if names:
        other.output(0).get_tensor().set_names(names)


def _ancestors(model: ov.Model, kinds: tuple[str, ...]) -> set[str]:
    """Return the names of all nodes on which a node of these kinds depends."""
    found: set[str] = set()
    waiting = [node for node in model.get_ordered_ops() if node.get_type_name() in kinds]
    while waiting:
        for value in waiting.pop().inputs():
            node = value.get_source_output().get_node()
            if node.get_friendly_name() not in found:
                found.add(node.get_friendly_name())
                waiting.append(node)
    return found
