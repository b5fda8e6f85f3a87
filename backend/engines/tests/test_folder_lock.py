"""One worker at a time, whatever the others do."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from engines.store import folder_lock
from engines.store.folder_lock import exclusive

HOLDER = """
import sys, threading, time
from pathlib import Path
from engines.store.folder_lock import exclusive
with exclusive(Path(sys.argv[1]), threading.Event(), lambda: None) as held:
    print(held, flush=True)
    time.sleep(60)
"""


def never() -> threading.Event:
    return threading.Event()


def test_exclusive_leaves_nothing_behind(tmp_path: Path) -> None:
    with exclusive(tmp_path / "lock", never(), lambda: None) as held:
        assert held
        assert (tmp_path / "lock").exists()
    assert list(tmp_path.iterdir()) == []


def test_exclusive_lets_one_in_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file goes with each holder, so that those who wait hold open one that is gone."""
    monkeypatch.setattr(folder_lock, "_POLL_S", 0.0001)
    inside, most, done = 0, 0, 0

    def work() -> None:
        nonlocal inside, most, done
        for _ in range(100):
            with exclusive(tmp_path / "lock", never(), lambda: None):
                inside += 1
                most = max(most, inside)
                time.sleep(0.0002)
                inside -= 1
                done += 1

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (most, done) == (1, 600)


def test_exclusive_tells_once_that_it_waits_and_ends_when_cancelled(tmp_path: Path) -> None:
    cancel, told = threading.Event(), []
    with exclusive(tmp_path / "lock", never(), lambda: None):
        threading.Timer(0.3, cancel.set).start()
        with exclusive(tmp_path / "lock", cancel, lambda: told.append(True)) as held:
            assert not held
    assert told == [True]
    assert list(tmp_path.iterdir()) == []


def test_exclusive_is_free_again_when_its_holder_is_killed(tmp_path: Path) -> None:
    environment = {"PYTHONPATH": str(Path(folder_lock.__file__).parents[2])}
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "lock")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"True\n"
        assert folder_lock._try(tmp_path / "lock") is None
        holder.kill()
    with exclusive(tmp_path / "lock", never(), lambda: None) as held:
        assert held
    assert list(tmp_path.iterdir()) == []


def test_exclusive_raises_where_the_file_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "elsewhere")
    for path in (tmp_path / "no/lock", tmp_path / "lock"):
        with pytest.raises(OSError, match="lock"), exclusive(path, never(), lambda: None):
            pass
    assert not (tmp_path / "elsewhere").exists()
