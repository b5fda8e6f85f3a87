"""The real voice's rewritten graphs: they sound no less like the model before quantisation than the published file."""

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

from core_engine.kokoro.graph import float_convolutions
from core_engine.kokoro.graph.rewriting import write_faster
from core_engine.kokoro.model.inference import Audio, read_signature, run
from core_engine.kokoro.model.int8_products import multiplies_int8
from core_engine.kokoro.model.runtime import session_options
from core_engine.kokoro.text.chunks import text_to_chunks
from core_engine.kokoro.voice.packs import find_voices, load_voice, style_row
from listening.acoustics import mel_cepstra
from listening.equipment import Equipment
from listening.texts import HARVARD

pytestmark = pytest.mark.listening

RATE, VOICE = 24_000, "af_bella"


def test_rewritten_graphs_sound_as_much_like_float_as_the_published_file(
    equipment: Equipment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sounds = {"published": spoken(equipment, equipment.model)}
    for name, multiplies in (("products", True), ("float at audio rate", False)):
        assert write_faster(equipment.model, tmp_path / "faster.onnx", multiplies_int8=multiplies)
        sounds[name] = spoken(equipment, tmp_path / "faster.onnx")
    monkeypatch.setattr(float_convolutions, "_MOST_WEIGHTS", 1 << 40)
    assert write_faster(equipment.model, tmp_path / "faster.onnx", multiplies_int8=False)
    reference = spoken(equipment, tmp_path / "faster.onnx")
    assert {sound.size for sound in sounds.values()} == {reference.size}  # the durations stay
    away = {name: distance(sound, reference) for name, sound in sounds.items()}
    assert 0 < away["float at audio rate"] < 0.8 * away["published"]
    if multiplies_int8():
        assert 0 < away["products"] < 1.05 * away["published"]


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
