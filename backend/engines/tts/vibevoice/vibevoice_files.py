"""Check the folder of a model: whether it is complete, and which kind of VibeVoice it is."""

import json
import re
from pathlib import Path
from typing import Any

from engines.contract.errors import UnusableModelError

SETTINGS = "config.json"
TOKENIZER = "tokenizer.json"
WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
MODEL_TYPE = "vibevoice"

_SHARD = re.compile(r"model-(\d{5})-of-(\d{5})\.safetensors")
_RELATIVES = {
    "vibevoice_streaming": "VibeVoice-Realtime, which speaks with built-in voices only and cannot clone",
    "vibevoice_asr": "VibeVoice-ASR, which recognises speech and does not speak",
}


def missing_files(folder: Path) -> list[str]:
    """Return the names of the missing files of `folder`, without reading the weights."""
    lacking = [name for name in (SETTINGS, TOKENIZER) if not (folder / name).is_file()]
    return lacking + ([] if (folder / WEIGHTS).is_file() else _missing_shards(folder))


def read_settings(folder: Path) -> dict[str, Any]:
    """Return config.json; raise UnusableModelError unless it is of a VibeVoice that speaks."""
    path = folder / SETTINGS
    try:
        settings = json.loads(path.read_bytes())
    except (OSError, ValueError) as error:
        raise UnusableModelError(f"'{path}' cannot be read: {error}. Copy it again.") from error
    kind = settings.get("model_type") if isinstance(settings, dict) else None
    if kind == MODEL_TYPE:
        return dict(settings)
    found = _RELATIVES.get(str(kind), f"of the type {kind!r}")
    raise UnusableModelError(
        f"'{folder.name}' is {found}. Mount VibeVoice-1.5B or VibeVoice-Large, whose config.json says "
        f'"model_type": "{MODEL_TYPE}".'
    )


def _missing_shards(folder: Path) -> list[str]:
    """Return the missing files of weights in several files, whose names include their number."""
    present = {file.name for file in folder.glob("model-*.safetensors") if _SHARD.fullmatch(file.name)}
    if not present:
        return [WEIGHTS]
    count = max(int(name[-len("00001.safetensors") :][:5]) for name in present)
    wanted = [f"model-{number:05d}-of-{count:05d}.safetensors" for number in range(1, count + 1)]
    return [name for name in wanted if name not in present] + ([] if (folder / INDEX).is_file() else [INDEX])
