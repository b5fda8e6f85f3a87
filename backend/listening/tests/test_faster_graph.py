"""The real voice's rewritten graph: its sound is as near to that of float32 convolutions as the published file's."""

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

RATE, VOICE, SENTENCES = 24_000, "af_bella", 4


def test_rewritten_graph_is_as_near_to_float_as_the_published_file(
    equipment: Equipment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faster, unsigned, float32 = (tmp_path / name for name in ("faster.onnx", "unsigned.onnx", "float32.onnx"))
    assert write_faster(equipment.model, faster, largest_pair())
    assert write_faster(equipment.model, unsigned, 0)
    monkeypatch.setattr(rewriting, "matrix_product", in_float)
    assert write_faster(equipment.model, float32, largest_pair())
    published, ours, with_unsigned, reference = (
        spoken(equipment, model) for model in (equipment.model, faster, unsigned, float32)
    )
    away: list[tuple[float, float]] = []
    for one, other, same, exact in zip(published, ours, with_unsigned, reference, strict=True):
        np.testing.assert_array_equal(other, same)  # every processor speaks alike
        assert one.size == other.size == exact.size  # the durations stay
        away.append((distance(one, exact), distance(other, exact)))
    of_published, of_ours = np.mean(away, axis=0)
    assert 0 < of_ours < 1.02 * of_published  # unrounded biases move single sentences by 2 %, this way or that


def in_float(found: QuantizedConvolution, as_long: str, largest_pair: int) -> Change:
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


def spoken(equipment: Equipment, model: Path) -> list[Audio]:
    """Return what a graph makes of some sentences."""
    session: Any = ort.InferenceSession(model, session_options(1), providers=["CPUExecutionProvider"])
    pack, signature = load_voice(find_voices(equipment.model.parent)[VOICE], VOICE), read_signature(session)
    audio = []
    for sentence in HARVARD[:SENTENCES]:
        (chunk,) = text_to_chunks(sentence, version="v1.0")
        style = style_row(pack, len(chunk.token_ids))
        audio.append(run(session, signature, chunk.token_ids, style, 1.0).audio)
    return audio


def distance(one: Audio, other: Audio) -> float:
    """Return the mel-cepstral distance of two recordings of the same length."""
    return float(np.mean(np.linalg.norm(mel_cepstra(one, RATE) - mel_cepstra(other, RATE), axis=1)))
