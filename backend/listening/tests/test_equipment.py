"""Voice and listener on a machine that has neither and reaches nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from listening.equipment import FOLDER, REQUIRED, EquipmentMissingError, installed

BACKEND = Path(__file__).resolve().parents[2]
NOBODY = "http://127.0.0.1:9"
"""The port of a service that throws away what it is sent, and that no machine runs any more."""


def test_what_is_missing_is_said_with_the_way_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER, str(tmp_path))
    with pytest.raises(EquipmentMissingError, match="make test-listening"):
        installed()


@pytest.mark.parametrize(("required", "code"), [("", 0), ("1", 1)])
def test_without_a_network_the_reason_is_said_and_only_who_must_listen_fails(tmp_path, required, code):
    environment = {
        **os.environ,
        "PYTHONPATH": str(BACKEND),
        "STORYFLOW_MODELS_URL": NOBODY,
        FOLDER: str(tmp_path),
        REQUIRED: required,
    }
    done = subprocess.run(
        [sys.executable, "-m", "listening.equipment"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stderr
    assert "The listening tests cannot run" in done.stderr
    assert "Traceback" not in done.stderr
