"""Build the built-in voice: `python -m builtin_voice.build` from `backend/`."""

import argparse
import logging
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from builtin_voice import rules
from builtin_voice.controls import controls
from builtin_voice.envelope import envelope
from builtin_voice.graph_writer import GraphWriter
from builtin_voice.intonation import intonation
from builtin_voice.segmenter import segments
from builtin_voice.source import excitation
from builtin_voice.tables import Tables
from builtin_voice.timing import timing
from builtin_voice.vocoder import vocoder
from builtin_voice.voices import pack_bytes
from core_engine.kokoro.vocabulary import STYLE_SIZE
from engines.publishing import publish

logger = logging.getLogger(__name__)

MODEL_NAME, PACK_NAME = "storyflow-voice.onnx", "voices.npz"
TARGET = Path(__file__).resolve().parents[1] / "engines" / "tts" / "kokoro" / "models" / "default"
"""Where the built voice is committed: the Kokoro engine's own default model."""


def speaking_model(tables: Tables) -> onnx.ModelProto:
    """Return the graph: `tokens` int64 (1, T), `style` float32 (1, 256), `speed` float32 (1) → `audio` float32 (N)."""
    g = GraphWriter()
    voice = controls(g, "style", "speed")
    parts = segments(g, "tokens")
    times = timing(g, tables, parts, voice)
    sources = excitation(g, intonation(g, parts, times, voice))
    vocoder(g, envelope(g, tables, parts, times), sources, voice)
    inputs = [
        helper.make_tensor_value_info("tokens", TensorProto.INT64, [1, "tokens_length"]),
        helper.make_tensor_value_info("style", TensorProto.FLOAT, [1, STYLE_SIZE]),
        helper.make_tensor_value_info("speed", TensorProto.FLOAT, [1]),
    ]
    outputs = [helper.make_tensor_value_info("audio", TensorProto.FLOAT, ["samples"])]
    return g.model(inputs, outputs, "storyflow-voice")


def model_bytes() -> bytes:
    """Return `storyflow-voice.onnx`; always the same bytes."""
    return bytes(speaking_model(rules.tables()).SerializeToString(deterministic=True))


def build(target: Path) -> dict[str, int]:
    """Write the model and its voice pack into `target`; return the size of each file in bytes."""
    target.mkdir(parents=True, exist_ok=True)
    files = {MODEL_NAME: model_bytes(), PACK_NAME: pack_bytes()}
    for name, data in files.items():
        publish(target / name, data)
    return {name: len(data) for name, data in files.items()}


def main() -> None:
    """Build from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=TARGET, help="folder to write to (default: %(default)s)")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    target = parser.parse_args().out
    for name, size in build(target).items():
        logger.info("%s: %d bytes", target / name, size)


if __name__ == "__main__":
    main()
