"""A model is opened while the command imports what else it needs."""

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from unittest import mock

import onnxruntime as ort
import pytest

from core_engine.kokoro.errors import ModelFileError
from core_engine.model_paths import BUILT_IN
from storyflow.narration import loading
from storyflow.narration.loading import Loading

_BACKEND = Path(__file__).resolve().parents[2]
_THREADS = "OPENBLAS_NUM_THREADS"


def test_it_returns_when_the_runtime_has_begun() -> None:
    begun, may_end = threading.Event(), threading.Event()
    create = ort.InferenceSession

    def slow(*model: Any, **options: Any) -> Any:
        begun.set()
        assert may_end.wait(10)
        return create(*model, **options)

    with mock.patch.object(ort, "InferenceSession", slow):
        opening = Loading(BUILT_IN)
        assert begun.wait(10)
        may_end.set()
        assert opening.loaded().kokoro.voices


def test_what_fails_before_the_runtime_is_reported_when_it_is_needed() -> None:
    with mock.patch.object(loading, "open_model", side_effect=ModelFileError("damaged")):
        opening = Loading(BUILT_IN)
        with pytest.raises(ModelFileError, match="damaged"):
            opening.loaded()


@pytest.mark.parametrize("given", [None, "3"])
def test_numpy_is_imported_without_threads_and_the_environment_stays(given: str | None) -> None:
    environment = {name: value for name, value in os.environ.items() if name != _THREADS}
    program = (
        "import os\n"
        "from storyflow.commands.quick_start import import_numpy_alone\n"
        "import_numpy_alone()\n"
        "threads = os.listdir('/proc/self/task') if os.path.isdir('/proc/self/task') else [0]\n"
        f"print(len(threads), os.environ.get('{_THREADS}'))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program],
        cwd=_BACKEND,
        env=environment | ({_THREADS: given} if given else {}),
        capture_output=True,
        text=True,
        check=True,
    )
    threads, left = ran.stdout.split()
    assert left == str(given)
    assert given or threads == "1"


def test_say_imports_numpy_in_no_other_way_before(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from unittest import mock\n"
        "from storyflow.__main__ import main\n"
        "spied = mock.patch('storyflow.commands.say.import_numpy_alone', lambda: print('numpy' in sys.modules))\n"
        "sys.argv = ['storyflow', 'say', 'Hello.', '--model', 'default', '--output', sys.argv[1]]\n"
        "with spied:\n"
        "    main()"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "hello.wav")]
    ran = subprocess.run(command, cwd=_BACKEND, capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[0] == "False"
