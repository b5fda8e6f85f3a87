"""Playing while WAVs are made: in order, without anyone waiting for it, and without it in the way."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from core_engine.kokoro.dimensions import SAMPLE_RATE
from storyflow.output.playing import PLAYERS, Queue, find_player
from storyflow.tests.support import storyflow

Player = Callable[..., Path]

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the player is a shell script")


@pytest.fixture
def player(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Player:
    """Return player(script): installs a player of this name that runs a script, and returns the log it may write to."""

    def install(script: str, name: str = "paplay") -> Path:
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        log = tmp_path / "played.txt"
        (folder / name).write_text(f'#!/bin/sh\nPATH=/usr/bin:/bin\nlog="{log}"\n{script}\n')
        (folder / name).chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))
        return log

    return install


LOGGING = 'echo "$1" >> "$log"'


def test_best_player_that_is_installed_is_taken(player: Player, monkeypatch: pytest.MonkeyPatch) -> None:
    player("", "aplay")
    assert find_player() == PLAYERS[-1]
    player("", "mpv")
    assert find_player() == PLAYERS[1]
    monkeypatch.setenv("PATH", "")
    assert find_player() is None


def test_wavs_are_played_in_order_as_soon_as_each_is_there(player: Player, tmp_path: Path) -> None:
    log = player(LOGGING)
    wavs = [tmp_path / f"{name}.wav" for name in "abcd"]
    queue = Queue(["paplay"])
    queue.expect(wavs[:3])
    queue.add(wavs[2], 0.0)
    queue.leave_out(wavs[1])
    time.sleep(0.2)
    assert not log.exists()
    queue.add(wavs[0], 0.0)
    queue.expect(wavs[3:])
    queue.complete()  # without the last one
    assert queue.wait() is None
    assert log.read_text().splitlines() == [str(wavs[0]), str(wavs[2])]


def test_pauses_are_kept(player: Player, tmp_path: Path) -> None:
    log = player('date +%s.%N >> "$log"')
    wavs = [tmp_path / f"{name}.wav" for name in "ab"]
    queue = Queue(["paplay"])
    queue.expect(wavs)
    queue.add(wavs[0], 0.7)
    queue.add(wavs[1], 0.0)
    queue.complete()
    queue.wait()
    first, second = map(float, log.read_text().split())
    assert second - first >= 0.7


@pytest.mark.parametrize("script", ["exit 3", None])
def test_player_that_fails_is_not_asked_again(player: Player, tmp_path: Path, script: str | None) -> None:
    if script:
        log = player(f"{LOGGING}\n{script}")
    wavs = [tmp_path / f"{name}.wav" for name in "ab"]
    queue = Queue(["paplay" if script else str(tmp_path / "no-player")])
    queue.expect(wavs)
    for wav in wavs:
        queue.add(wav, 0.0)
    queue.complete()
    assert queue.wait()
    if script:
        assert len(log.read_text().splitlines()) == 1


def test_stop_ends_the_player_at_once(player: Player, tmp_path: Path) -> None:
    log = player('echo $$ >> "$log"\nexec sleep 60')
    wav = tmp_path / "a.wav"
    queue = Queue(["paplay"])
    queue.expect([wav, tmp_path / "b.wav"])
    queue.add(wav, 0.0)
    while not log.exists() or not log.read_text():
        time.sleep(0.02)
    queue.stop()
    assert not queue.is_playing
    with pytest.raises(ProcessLookupError):
        os.kill(int(log.read_text()), 0)


def test_narrate_plays_what_it_makes_and_what_is_there(player: Player, story: Path, tmp_path: Path) -> None:
    log = player(LOGGING)
    for _ in range(2):
        done = storyflow("narrate", story, "--model", "default", "--play")
        assert done.returncode == 0, done.stderr
    names = [Path(line).name for line in log.read_text().splitlines()]
    assert len(names) == 6
    assert [name.rpartition("-")[0] for name in names[3:]] == ["the-first-paragraph", "the-second-one", "and-the-third"]


def test_narration_goes_on_without_a_player(player: Player, story: Path) -> None:
    player(f"{LOGGING}\nexit 1")
    done = storyflow("narrate", story, "--model", "default", "--play")
    assert (done.returncode, "3 WAVs" in done.stdout) == (0, True)
    assert "Nothing more is played" in done.stderr
    player("", "unknown-player")
    Path(os.environ["PATH"], "paplay").unlink()
    done = storyflow("narrate", story, "--model", "default", "--play")
    assert (done.returncode, "3 WAVs" in done.stdout) == (0, True)
    assert "no player was found" in done.stderr


def test_interrupt_while_the_rest_is_played_ends_only_the_playing(player: Player, story: Path) -> None:
    player("exec sleep 60")
    command = [sys.executable, "-m", "storyflow", "narrate", str(story), "--model", "default", "--play"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stderr
    while "Playing the rest" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=20)
    assert (process.returncode, "3 WAVs" in said) == (0, True)


@pytest.mark.skipif(not shutil.which("ffplay"), reason="needs ffplay")
def test_ffplay_plays_a_wav_to_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy as np
    import soundfile

    monkeypatch.setenv("SDL_AUDIODRIVER", "dummy")  # takes the time of the sound, without a loudspeaker
    wav = tmp_path / "a.wav"
    soundfile.write(wav, np.zeros(SAMPLE_RATE), SAMPLE_RATE)
    queue = Queue(PLAYERS[0])
    queue.expect([wav])
    began = time.monotonic()
    queue.add(wav, 0.0)
    queue.complete()
    assert queue.wait() is None
    assert time.monotonic() - began >= 0.9
