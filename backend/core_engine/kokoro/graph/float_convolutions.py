"""Compute convolutions of an int8 export in float32, where that is faster and costs little memory.

The runtime copies the input of an int8 convolution once for each element of the kernel, and multiplies slowly on
processors without instructions for int8. At audio rate it takes 1.4 times as long as the float32 convolution even on
some that have them, and much longer on others. The weights are the same and the input is no longer rounded, so the
sound is nearer to that of the model before quantisation.

The runtime's blocked float32 convolutions exist for images only, so a sound becomes an image of height one.
"""

import numpy as np

from core_engine.kokoro.graph.new_nodes import NewNodes
from core_engine.kokoro.graph.onnx_writing import Change
from core_engine.kokoro.graph.quantized_convolutions import QuantizedConvolution

_MOST_WEIGHTS = 750_000
"""Those with more, 3 MB in float32, run at frame rate, where there are many weights and little work."""


def float_convolution(found: QuantizedConvolution) -> Change | None:
    """Return the change that computes a convolution in float32; None if it has too many weights."""
    if found.numbers.size > _MOST_WEIGHTS:
        return None
    new = NewNodes(found.output)
    values = (found.numbers.astype(np.float32) - found.zero_point) * np.float32(found.scale)
    weights = new.tensor(f"{found.weights}*{found.scale!r}-{found.zero_point}", values[:, :, None, :])
    height = new.constant([2])
    image = new.made("Unsqueeze", [found.quantize.inputs[0], height])
    begin, end = found.pads
    convolved = new.made(
        "Conv",
        [image, weights, *([found.bias] if found.bias else [])],
        dilations=(1, found.dilation),
        strides=(1, found.stride),
        pads=(0, begin, 0, end),
        group=found.group,
    )
    return new.change("Squeeze", [convolved, height])
