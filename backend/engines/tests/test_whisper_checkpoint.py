"""The .pt files of openai-whisper, read without PyTorch and without executing what is in them."""

import collections
import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines.contract.errors import EngineError, UnusableModelError
from engines.stt.whisper.checkpoint import read_checkpoint
from engines.tests.real.published_whisper import write_checkpoint

DIMS = {"n_mels": 80, "n_vocab": 51_865}


def rewritten(path: Path, member: str, content: bytes) -> None:
    """Replace what an archive has in a member."""
    with zipfile.ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    with zipfile.ZipFile(path, "w") as new:
        for name, had in parts.items():
            new.writestr(name, content if name == member else had)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "base.pt"
    tensors = {"a": np.arange(6, dtype=np.float16).reshape(2, 3), "b.bias": np.ones(4, np.float16)}
    write_checkpoint(path, DIMS, tensors)
    return path


def test_tensors_and_sizes_are_read(checkpoint: Path) -> None:
    found = read_checkpoint(checkpoint)
    assert found.dims == DIMS
    assert found.tensors["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found.tensors["b.bias"].tolist() == [1, 1, 1, 1]


class Command:
    def __reduce__(self) -> Any:
        return os.system, ("touch hacked",)


@pytest.mark.parametrize("value", [Command(), {"dims": io.BytesIO}, collections.Counter()])
def test_nothing_in_a_file_is_executed(
    checkpoint: Path, value: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rewritten(checkpoint, "archive/data.pkl", pickle.dumps(value))
    with pytest.raises(pickle.UnpicklingError, match="no model needs"):
        read_checkpoint(checkpoint)
    assert not (tmp_path / "hacked").exists()


def test_tensor_that_leads_beyond_its_numbers_is_refused(checkpoint: Path) -> None:
    rewritten(checkpoint, "archive/data/0", b"\0\0")
    with pytest.raises(ValueError, match="numbers"):
        read_checkpoint(checkpoint)


def test_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "base.pt").write_bytes(b"no model at all")
    with pytest.raises(ValueError, match="zip archive"):
        read_checkpoint(tmp_path / "base.pt")


def test_damaged_file_is_refused_with_advice_and_leaves_nothing_behind(checkpoint: Path, tmp_path: Path) -> None:
    from engines.stt.whisper.conversion import converted

    with pytest.raises(UnusableModelError, match=r"'base.pt' is no model of openai-whisper, or is damaged.*Replace it"):
        converted(checkpoint, tmp_path / "cache")
    assert list((tmp_path / "cache").glob("*")) == []


def test_missing_vocabulary_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tokenizers")
    from engines.stt.whisper import vocabulary

    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(EngineError, match="pip install --no-deps openai-whisper"):
        vocabulary.new_tokenizer(51_865)
