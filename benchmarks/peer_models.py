"""The model in the forms that peers want: the same weights, voices and vocabulary, in a folder beside the model's.

sherpa-onnx reads its settings from the metadata of the graph, the vocabulary from tokens.txt and the voices as bare
float32 rows; pykokoro takes the vocabulary from a configuration file. What is made is kept for the next run.
"""

import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

MODEL = "kokoro-v0_19.onnx"
VOICES = "voices.npz"
BACKEND = Path(__file__).resolve().parent.parent / "backend"


def model_for_sherpa(folder: Path) -> Path:
    """Return the folder with model.onnx, voices.bin and tokens.txt made from the model in `folder`.

    The names and meanings are those of sherpa-onnx's own conversion of Kokoro v0.19 (scripts/kokoro/v0.19).
    """
    import numpy as np

    prepared = _beside(folder, "sherpa-onnx")
    if _is_current(prepared / "model.onnx", folder / MODEL):
        return prepared
    with np.load(folder / VOICES) as packs:
        names = packs.files
        rows = np.stack([packs[name] for name in names]).astype("<f4")
    (prepared / "voices.bin").write_bytes(rows.tobytes())
    lines = (f"{symbol} {token_id}\n" for symbol, token_id in _vocabulary().VOCABULARY.items())
    (prepared / "tokens.txt").write_text("".join(lines), encoding="utf-8")
    settings = {
        "model_type": "kokoro",
        "language": "English",
        "has_espeak": "1",
        "sample_rate": "24000",
        "version": "1",
        "voice": "en-us",
        "style_dim": ",".join(map(str, rows.shape[1:])),
        "n_speakers": str(len(names)),
        "speaker_names": ",".join(names),
    }
    _copy_with_metadata(folder / MODEL, prepared / "model.onnx", settings)
    return prepared


def configuration_for_pykokoro(folder: Path) -> Path:
    """Return the JSON file with the vocabulary; of v1.0, whose phonemes are the only ones that pykokoro makes."""
    path = _beside(folder, "pykokoro") / "config.json"
    if not path.exists():
        text = json.dumps({"vocab": _vocabulary().VOCABULARY_V1_0}, ensure_ascii=False)
        _appear(path, lambda unfinished: unfinished.write_text(text, encoding="utf-8"))
    return path


def _beside(folder: Path, peer: str) -> Path:
    prepared = folder.resolve().with_name(f"{folder.resolve().name}-for-{peer}")
    prepared.mkdir(exist_ok=True)
    return prepared


def _is_current(made: Path, source: Path) -> bool:
    return made.exists() and source.stat().st_mtime <= made.stat().st_mtime


def _vocabulary() -> ModuleType:
    """Return the project's module of vocabularies; it needs nothing but numpy."""
    sys.path.append(str(BACKEND))
    from core_engine.kokoro import vocabulary

    return vocabulary


def _copy_with_metadata(source: Path, target: Path, settings: dict[str, str]) -> None:
    """Copy an ONNX model and append `settings` to its metadata.

    Serialised messages of Protocol Buffers merge when they are concatenated: the repeated field 14 of ModelProto,
    metadata_props, grows by what is appended, and the 325 MB before it need not be parsed.
    https://protobuf.dev/programming-guides/encoding/#last-one-wins
    """

    def write(unfinished: Path) -> None:
        shutil.copyfile(source, unfinished)
        with unfinished.open("ab") as file:
            for key, value in settings.items():
                file.write(_field(14, _field(1, key.encode()) + _field(2, value.encode())))

    _appear(target, write)


def _field(number: int, content: bytes) -> bytes:
    """Return a length-delimited field in the wire format of Protocol Buffers."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    groups = []
    while value > 0x7F:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])


def _appear(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` make the file under another name first, so that an interrupted run leaves nothing half made."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    write(unfinished)
    unfinished.replace(path)
