"""Voice packs that run code, have a false size or unpack to gigabytes are refused quickly and with little memory."""

import io
import os
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faults.support import run_module

pytest.importorskip("resource", reason="needs the memory figures of a POSIX system")

MIB = 1 << 20


class Canary:
    """Creates a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.path),)


def header(shape: str, kind: str = "<f4") -> bytes:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text


def zipped(member: bytes, packing: int = zipfile.ZIP_DEFLATED, name: str = "af_bella.npy") -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", packing) as archive:
        archive.writestr(name, member)
    return stream.getvalue()


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=True)
    return stream.getvalue()


GOOD = np.full((511, 1, 256), 0.1, np.float32)
ZEROS = bytes(512 * MIB)


def hostile(form: str, canary: Path) -> tuple[str, bytes]:
    """Return the file name and content of a hostile pack."""
    spoiled = GOOD.copy()
    spoiled[500, 0, 7] = np.nan
    nested = b'{"af_bella": ' + b"[" * 2_000_000 + b"}"
    objects = np.array([Canary(canary)], dtype=object)
    forms = {
        "pickle": lambda: ("af_bella.pt", pickle.dumps(Canary(canary))),
        "pickle as bin": lambda: ("af_bella.bin", pickle.dumps(Canary(canary), protocol=2)),
        "old pickle": lambda: ("af_bella.bin", pickle.dumps(Canary(canary), protocol=0)),
        "pickle in zip": lambda: ("af_bella.pt", zipped(pickle.dumps(Canary(canary)), name="archive/data.pkl")),
        "objects": lambda: ("voices.npz", zipped(npy(objects))),
        "objects alone": lambda: ("af_bella.npy", npy(objects)),
        "lying header": lambda: ("voices.npz", zipped(header("(99999999, 1, 256)") + bytes(64))),
        "short of its header": lambda: ("voices.npz", zipped(header("(511, 1, 256)") + bytes(64))),
        "negative shape": lambda: ("voices.npz", zipped(header("(-1, 1, 256)") + bytes(64))),
        "deep header": lambda: ("voices.npz", zipped(header("(" * 1500 + ")" * 1500))),
        "bomb": lambda: ("voices.npz", zipped(header("(511, 1, 256)") + ZEROS)),
        "bomb of bzip2": lambda: ("voices.npz", zipped(header("(511, 1, 256)") + ZEROS, zipfile.ZIP_BZIP2)),
        "bomb of lzma": lambda: ("voices.npz", zipped(header("(511, 1, 256)") + ZEROS, zipfile.ZIP_LZMA)),
        "damaged deflate": lambda: ("voices.npz", _spoiled(zipped(npy(GOOD)))),
        "wrong width": lambda: ("voices.npz", zipped(npy(np.zeros((511, 1, 255), np.float32)))),
        "wrong type": lambda: ("voices.npz", zipped(npy(GOOD.astype(np.float64)))),
        "too many rows": lambda: ("voices.npz", zipped(npy(np.zeros((600, 1, 256), np.float32)))),
        "nan": lambda: ("voices.npz", zipped(npy(spoiled))),
        "raw nan": lambda: ("af_bella.bin", spoiled.tobytes()),
        "raw of wrong length": lambda: ("af_bella.bin", GOOD.tobytes()[:-4]),
        "deep json": lambda: ("voices.json", nested),
        "many lists": lambda: ("voices.json", b'{"af_bella": [' + b"[]," * 1_700_000 + b"[]]}"),
        "large json": lambda: ("voices.json", b'{"af_bella": [' + b"0," * 50_000_000 + b"0]}"),
        "infinite json": lambda: ("voices.json", b'{"af_bella": [[' + b"1e400," * 255 + b"0]]}"),
        "web page": lambda: ("voices.bin", b"<!DOCTYPE html><title>Not found</title>"),
        "empty": lambda: ("voices.bin", b""),
    }
    return forms[form]()  # type: ignore[no-untyped-call]


def _spoiled(data: bytes) -> bytes:
    return data[:120] + bytes(60) + data[180:]


FORMS = [
    "pickle", "pickle as bin", "old pickle", "pickle in zip", "objects", "objects alone", "lying header",
    "short of its header", "negative shape", "deep header", "damaged deflate", "wrong width", "wrong type",
    "too many rows", "nan", "raw nan", "raw of wrong length", "deep json", "many lists", "large json", "infinite json",
    "web page", "empty",
]  # fmt: skip
BOMBS = ["bomb", "bomb of bzip2", "bomb of lzma"]
QUICK = {"pickle", "objects", "lying header", "many lists", "deep header", "damaged deflate"}


@pytest.mark.parametrize(
    "form", [form if form in QUICK else pytest.param(form, marks=pytest.mark.slow) for form in FORMS + BOMBS]
)
def test_hostile_pack_is_refused_quickly_and_runs_nothing(tmp_path: Path, form: Any) -> None:
    folder, canary = tmp_path / "model", tmp_path / "canary"
    folder.mkdir()
    name, content = hostile(form, canary)
    (folder / name).write_bytes(content)
    del content
    found = run_module("pack_reader", folder)
    assert not canary.exists()
    assert all(outcome.startswith("refused") for outcome in found["outcomes"].values()), found
    assert found["grown"] <= 64 * MIB
    assert found["seconds"] <= 1


def test_good_pack_is_read(tmp_path: Path) -> None:
    (tmp_path / "voices.npz").write_bytes(zipped(npy(GOOD)))
    assert run_module("pack_reader", tmp_path)["outcomes"] == {"af_bella": "(511, 1, 256)"}
