"""Build the built-in voice: run `python -m builtin_voice.build` in `backend/`."""

import argparse
import logging
from dataclasses import fields
from pathlib import Path

import onnx
from onnx import TensorProto, helper, numpy_helper

from builtin_voice.contexts import contexts
from builtin_voice.controls import controls
from builtin_voice.envelope import envelope
from builtin_voice.graph_writer import GraphWriter
from builtin_voice.intonation import intonation
from builtin_voice.learning import SENTENCES, examples, learn, lessons
from builtin_voice.segmenter import Segments, segments
from builtin_voice.source import excitation
from builtin_voice.tables import FRAME, Tables
from builtin_voice.timing import Timing, timing
from builtin_voice.vocoder import vocoder
from builtin_voice.voices import pack_bytes
from core_engine.kokoro.dimensions import SAMPLE_RATE, STYLE_SIZE
from engines.store.publishing import publish

logger = logging.getLogger(__name__)

MODEL_NAME, PACK_NAME = "storyflow-voice.onnx", "voices.npz"
TARGET = Path(__file__).resolve().parents[1] / "engines" / "tts" / "kokoro" / "models" / "default"
"""Where the built voice is committed: the Kokoro engine's default model."""


def speaking_model(tables: Tables, timed: bool = False) -> onnx.ModelProto:
    """Return the graph: `tokens` int64 (1, T), `style` float32 (1, 256), `speed` float32 (1) → `audio` float32 (N).

    With `timed` it also outputs, for measurements, for each segment (including pads and the graph's own two) `unit`
    int64, `stress` float32, and the `begin` and `end` of its sound, float32 seconds.
    """
    g = GraphWriter()
    voice = controls(g, "style", "speed")
    parts = segments(g, "tokens")
    around = contexts(g, parts)
    times = timing(g, tables, parts, around, voice)
    sources = excitation(g, intonation(g, parts, times, voice))
    vocoder(g, envelope(g, tables, parts, around, times), sources, voice)
    inputs = [
        helper.make_tensor_value_info("tokens", TensorProto.INT64, [1, "tokens_length"]),
        helper.make_tensor_value_info("style", TensorProto.FLOAT, [1, STYLE_SIZE]),
        helper.make_tensor_value_info("speed", TensorProto.FLOAT, [1]),
    ]
    outputs = [helper.make_tensor_value_info("audio", TensorProto.FLOAT, ["samples"])]
    if timed:
        outputs += _timing_outputs(g, parts, times)
    return g.model(inputs, outputs, "storyflow-voice")


def _timing_outputs(g: GraphWriter, parts: Segments, times: Timing) -> list[onnx.ValueInfoProto]:
    seconds = FRAME / SAMPLE_RATE
    g.op("Identity", parts.unit, name="unit")
    g.op("Identity", parts.stress, name="stress")
    g.op("Mul", times.start, seconds, name="begin")
    g.op("Mul", times.end, seconds, name="end")
    kinds = {"unit": TensorProto.INT64, **dict.fromkeys(("stress", "begin", "end"), TensorProto.FLOAT)}
    return [helper.make_tensor_value_info(name, kind, ["segments"]) for name, kind in kinds.items()]


def model_bytes(tables: Tables) -> bytes:
    """Return `storyflow-voice.onnx`; the same tables always give the same bytes."""
    return bytes(speaking_model(tables).SerializeToString(deterministic=True))


def tables_of(model: onnx.ModelProto) -> Tables:
    """Return the tables of a built model."""
    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    return Tables(**{field.name: found[f"tables.{field.name}"] for field in fields(Tables)})


def build(target: Path, tables: Tables) -> dict[str, int]:
    """Write the model and its voice pack to `target`; return the size of each file in bytes."""
    target.mkdir(parents=True, exist_ok=True)
    files = {MODEL_NAME: model_bytes(tables), PACK_NAME: pack_bytes()}
    for name, data in files.items():
        publish(target / name, data)
    return {name: len(data) for name, data in files.items()}


def main() -> None:
    """Build from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=TARGET, help="folder to write to (default: %(default)s)")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    target = parser.parse_args().out
    for name, size in build(target, learn(examples(lessons(SENTENCES)))).items():
        logger.info("%s: %d bytes", target / name, size)


if __name__ == "__main__":
    main()
