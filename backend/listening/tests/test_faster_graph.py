"""The real voice's rewritten graph: it sounds no less like the model before quantisation than the published file."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

from core_engine.kokoro.graph import rewriting
from core_engine.kokoro.graph.new_nodes import NewNodes
from core_engine.kokoro.graph.onnx_writing import Change
from core_engine.kokoro.graph.quantized_convolutions import QuantizedConvolution
from core_engine.kokoro.graph.rewriting import write_faster
from core_engine.kokoro.model.inference import Audio, read_signature, run
from core_engine.kokoro.model.int8_products import largest_pair
from core_engine.kokoro.model.runtime import session_options
from core_engine.kokoro.text.chunks import text_to_chunks
from core_engine.kokoro.voice.packs import find_voices, load_voice, style_row
from listening.acoustics import mel_cepstra
from listening.equipment import Equipment
from listening.texts import HARVARD

pytestmark = pytest.mark.listening

RATE, VOICE = 24_000, "af_bella"


def test_rewritten_graph_sounds_as_much_like_float_as_the_published_file(
    equipment: Equipment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faster = tmp_path / "faster.onnx"
    published = spoken(equipment, equipment.model)
    assert write_faster(equipment.model, faster, largest_pair())
    products = spoken(equipment, faster)
    assert write_faster(equipment.model, faster, 0)  # as on a processor that multiplies only unsigned weights
    np.testing.assert_array_equal(spoken(equipment, faster), products)
    monkeypatch.setattr(rewriting, "matrix_product", in_float)
    assert write_faster(equipment.model, faster, largest_pair())
    reference = spoken(equipment, faster)
    assert published.size == products.size == reference.size  # the durations stay
    assert 0 < distance(products, reference) < 1.05 * distance(published, reference)


def in_float(found: QuantizedConvolution, largest_pair: int) -> Change:
    """Return the change that computes a convolution in float32, with the weights as they are in int8."""
    new = NewNodes(found.output)
    values = (found.numbers.astype(np.float32) - found.zero_point) * np.float32(found.scale)
    inputs = [found.quantize.inputs[0], new.tensor(f"{found.output}/weights", values)]
    return new.change(
        "Conv",
        [*inputs, *([found.bias] if found.bias else [])],
        dilations=(found.dilation,),
        strides=(found.stride,),
        pads=found.pads,
        group=found.group,
    )


def spoken(equipment: Equipment, model: Path) -> Audio:
    """Return what a graph makes of one sentence."""
    session: Any = ort.InferenceSession(model, session_options(1), providers=["CPUExecutionProvider"])
    (chunk,) = text_to_chunks(HARVARD[0], version="v1.0")
    pack = load_voice(find_voices(equipment.model.parent)[VOICE], VOICE)
    style = style_row(pack, len(chunk.token_ids))
    return run(session, read_signature(session), chunk.token_ids, style, 1.0).audio


def distance(one: Audio, other: Audio) -> float:
    """Return the mel-cepstral distance of two recordings of the same length."""
    return float(np.mean(np.linalg.norm(mel_cepstra(one, RATE) - mel_cepstra(other, RATE), axis=1)))
