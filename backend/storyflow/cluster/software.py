"""What must be the same on all machines of a narration: everything whose versions change the audio."""

import hashlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import metadata
from pathlib import Path

import numpy as np
import onnxruntime as ort

import core_engine
import engines.store
import storyflow

_TEXT_SIDES = (
    "espeakng-loader", "misaki", "spacy", "en-core-web-sm", "num2words",
    "pyopenjtalk", "fugashi", "unidic", "unidic-lite", "jieba", "pypinyin", "cn2an",
)  # fmt: skip
"""Packages that turn text into phonemes."""

SOURCE = "source"

Software = Mapping[str, str]
"""Name → version."""


@lru_cache(maxsize=1)
def software_here() -> Software:
    """Return the software of this machine; what is not installed is left out."""
    found = {"storyflow": storyflow.__version__, SOURCE: _digest_of_source()}
    found |= {"onnxruntime": ort.__version__, "numpy": np.__version__}
    for package in _TEXT_SIDES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def differences(theirs: Software, ours: Software) -> list[str]:
    """Return what another machine has that differs from ours, a phrase for each."""
    names = [name for name in dict.fromkeys([*ours, *theirs]) if ours.get(name) != theirs.get(name)]
    if SOURCE in names and "storyflow" not in names:
        names.remove(SOURCE)
        return ["other source files of storyflow", *(_phrase(name, theirs, ours) for name in names)]
    return [_phrase(name, theirs, ours) for name in names if name != SOURCE]


def _phrase(name: str, theirs: Software, ours: Software) -> str:
    return f"{name} {theirs.get(name, 'missing')} instead of {ours.get(name, 'none')}"


def _digest_of_source() -> str:
    """Return a digest of the code that plans and speaks, since a checkout changes without a new version."""
    digest = hashlib.sha256()
    for path in _sources():
        digest.update(path.name.encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n"))
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    backend = Path(core_engine.__file__).parents[1]
    ours = Path(storyflow.__file__).parent
    for folder in (backend / "core_engine", Path(engines.store.__file__).parent, ours / "narration", ours / "cluster"):
        yield from (path for path in sorted(folder.rglob("*.py")) if "tests" not in path.parts)
