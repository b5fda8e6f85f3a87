"""The equipment on a machine without voice, listener and network."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from listening.equipment import FOLDER, REQUIRED, EquipmentMissingError, installed

BACKEND = Path(__file__).resolve().parents[2]
NOBODY = "http://127.0.0.1:9"
"""The discard port, on which no machine listens any more."""


def test_missing_equipment_is_reported_with_the_command_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDER, str(tmp_path))
    with pytest.raises(EquipmentMissingError, match="make test-listening"):
        installed()


@pytest.mark.parametrize(("required", "code"), [("", 0), ("1", 1)])
def test_without_a_network_the_reason_is_reported_and_it_fails_only_if_required(
    tmp_path: Path, required: str, code: int
) -> None:
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
