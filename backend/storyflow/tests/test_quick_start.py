"""What `say` does to take less time besides the model."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_BACKEND = Path(__file__).resolve().parents[2]
_THREADS = "OPENBLAS_NUM_THREADS"


def printed(program: str, *arguments: str, **environment: str) -> list[str]:
    """Return the lines that a program prints."""
    inherited = {name: value for name, value in os.environ.items() if name != _THREADS}
    command, whole = [sys.executable, "-c", program, *arguments], inherited | environment
    ran = subprocess.run(command, cwd=_BACKEND, env=whole, capture_output=True, text=True, check=True)
    return ran.stdout.splitlines()


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="only Linux tells the threads of a process")
def test_numpy_is_imported_without_threads() -> None:
    program = """
import os
from storyflow.commands.quick_start import import_numpy_without_threads
import_numpy_without_threads()
print(len(os.listdir("/proc/self/task")))
"""
    assert printed(program) == ["1"]


@pytest.mark.parametrize("given", [None, "3"])
def test_the_environment_stays(given: str | None) -> None:
    program = f"""
import os
from storyflow.commands.quick_start import import_numpy_without_threads
import_numpy_without_threads()
print(os.environ.get("{_THREADS}"))
"""
    assert printed(program, **({_THREADS: given} if given else {})) == [str(given)]


def test_say_imports_numpy_in_no_other_way_before(tmp_path: Path) -> None:
    program = """
import sys
from unittest import mock
from storyflow.__main__ import main
sys.argv = ["storyflow", "say", "Hello.", "--model", "default", "--output", sys.argv[1]]
with mock.patch("storyflow.commands.say.import_numpy_without_threads", lambda: print("numpy" in sys.modules)):
    main()
"""
    assert printed(program, str(tmp_path / "hello.wav"))[0] == "False"


def test_say_keeps_its_model_to_the_end(tmp_path: Path) -> None:
    program = """
import atexit
import sys
from storyflow.__main__ import main
atexit.register(lambda: print([type(kept).__name__ for kept in quick_start._kept]))
from storyflow.commands import quick_start
sys.argv = ["storyflow", "say", "Hello.", "--model", "default", "--output", sys.argv[1]]
main()
"""
    assert printed(program, str(tmp_path / "hello.wav"))[-1] == "['Kokoro']"
