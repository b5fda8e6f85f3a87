"""Libraries kept from the network."""

import os
from pathlib import Path

import pytest

from engines.speech.offline import CACHES, SWITCHES, keep_offline


def test_downloads_are_off_and_caches_lie_in_the_mount_whatever_was_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (*SWITCHES, *CACHES):
        monkeypatch.setenv(name, "elsewhere")
    keep_offline(tmp_path)
    assert {os.environ[name] for name in CACHES} == {str(tmp_path)}
    assert os.environ["HF_HUB_OFFLINE"] == os.environ["TRANSFORMERS_OFFLINE"] == "1"
