"""Play WAVs in the order of the story while the others are still made, with a player that the user has installed."""

import contextlib
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from storyflow.narration.narration import AfterEach, Step
from storyflow.narration.planning import Task

PLAYERS: tuple[tuple[str, ...], ...] = (
    ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"),
    ("mpv", "--no-video", "--really-quiet"),
    ("afplay",),
    ("paplay",),
    ("aplay", "-q"),
)
"""Commands that play a WAV and end with it, the best first; the path follows."""

PARAGRAPH_S = 0.4
"""Silence between WAVs where the story says nothing; starting a player takes some time, too."""

_LAST_CHANCE_S = 2.0


def find_player() -> tuple[str, ...] | None:
    """Return the command of the first player that is installed."""
    return next((player for player in PLAYERS if shutil.which(player[0])), None)


@contextlib.contextmanager
def played(wanted: bool) -> Iterator["Queue | None"]:
    """Yield a queue for the WAVs to play, None if playing is not wanted or possible; in the end wait for the player.

    Ctrl-C while waiting ends only the playing. Without a player, or if it fails, a sentence says so.
    """
    player = find_player() if wanted else None
    if player is None:
        if wanted:
            names = ", ".join(name for name, *_ in PLAYERS)
            click.echo(f"Nothing is played: no player was found. Install one of {names}.", err=True)
        yield None
        return
    queue = Queue(player)
    try:
        yield queue
        queue.complete()
        with contextlib.suppress(KeyboardInterrupt):
            if queue.is_playing:
                click.echo("Playing the rest. Press Ctrl-C to end.", err=True)
            problem = queue.wait()
            if problem:
                click.echo(f"Nothing more is played: {problem}", err=True)
    finally:
        queue.stop()


class Queue:
    """WAVs that are played one after another as soon as each is there.

    Playing happens in a thread and another process: whoever makes the WAVs never waits for it.
    """

    def __init__(self, player: Sequence[str]) -> None:
        self._player = player
        self._changed = threading.Condition()
        self._waiting: list[Path] = []
        self._ready: dict[Path, float | None] = {}
        self._is_complete = False
        self._stopped = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._problem: str | None = None
        self._thread = threading.Thread(target=self._run, name="play", daemon=True)
        self._thread.start()

    def playing(self, show: AfterEach, task: Task) -> AfterEach:
        """Expect the segments of a story; return `show` as it is to be called, so that they are played, too."""
        self.expect([task.audio_path(segment.id) for segment in task.story.segments])

        def after(step: Step) -> None:
            show(step)
            if step.wav:
                self.add(step.wav, step.segment.pause_after)
            else:
                self.leave_out(task.audio_path(step.segment.id))

        return after

    def expect(self, wavs: Sequence[Path]) -> None:
        """Play these after those that are expected already; they need not exist yet."""
        with self._changed:
            self._waiting += wavs
            self._changed.notify()

    def add(self, wav: Path, pause: float | None) -> None:
        """Say that an expected WAV is there, with the seconds of silence after it; None stands for a paragraph's."""
        with self._changed:
            self._ready[wav] = PARAGRAPH_S if pause is None else pause
            self._changed.notify()

    def leave_out(self, wav: Path) -> None:
        """Say that an expected WAV will not be made."""
        with self._changed:
            self._ready[wav] = None
            self._changed.notify()

    def complete(self) -> None:
        """Say that nothing more is made: what is not there yet is left out."""
        with self._changed:
            self._is_complete = True
            self._changed.notify()

    @property
    def is_playing(self) -> bool:
        """Whether something is or will be played."""
        return self._thread.is_alive()

    def wait(self) -> str | None:
        """Wait until all is played, and return why not all of it was, if so; may be interrupted."""
        while self._thread.is_alive():
            self._thread.join(0.2)
        return self._problem

    def stop(self) -> None:
        """Stop playing now."""
        self._stopped.set()
        self.complete()
        process = self._process
        if process:
            _end(process)
        self._thread.join(_LAST_CHANCE_S)

    def _run(self) -> None:
        while not self._stopped.is_set():
            with self._changed:
                self._changed.wait_for(lambda: self._is_complete or (self._waiting and self._waiting[0] in self._ready))
                if not self._waiting:
                    return
                wav = self._waiting.pop(0)
                pause = self._ready.pop(wav, None)
            if pause is not None:
                if not self._play(wav):
                    return
                self._stopped.wait(pause)

    def _play(self, wav: Path) -> bool:
        """Play a WAV; return whether to go on."""
        try:
            # Its own session, so that Ctrl-C reaches only us and the player ends when we say so.
            self._process = subprocess.Popen(  # noqa: S603  # a fixed command and a path of ours
                [*self._player, os.fspath(wav)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        except OSError as error:
            self._problem = f"{self._player[0]} cannot be started: {error.strerror}."
            return False
        if self._stopped.is_set():
            _end(self._process)
        code = self._process.wait()
        self._process = None
        if code and not self._stopped.is_set():
            self._problem = f"{self._player[0]} could not play '{wav}' (exit code {code}). Is there a loudspeaker?"
            return False
        return not self._stopped.is_set()


def _end(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(OSError):
        process.terminate()
    try:
        process.wait(_LAST_CHANCE_S)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(OSError):
            process.kill()
