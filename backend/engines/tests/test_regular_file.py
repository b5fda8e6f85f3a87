"""Only regular files are opened."""

import os
from pathlib import Path

import pytest

from engines.store.manifest import DamagedModelError, listed_files, manifest_path
from engines.store.regular_file import read_regular


def test_regular_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"bytes")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    assert read_regular(tmp_path / "link") == b"bytes"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="FIFOs as Unix has them")
@pytest.mark.timeout(10)
def test_fifo_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError, match="not a regular file"):
        read_regular(tmp_path / "fifo")


@pytest.mark.skipif(os.name == "nt", reason="Windows opens no folder at all")
def test_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="not a regular file"):
        read_regular(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="FIFOs as Unix has them")
@pytest.mark.timeout(10)
def test_fifo_as_a_manifest_is_damage(tmp_path: Path) -> None:
    os.mkfifo(manifest_path(tmp_path))
    with pytest.raises(DamagedModelError, match="not a regular file"):
        listed_files(tmp_path)
