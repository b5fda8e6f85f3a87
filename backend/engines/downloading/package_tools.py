"""Run pip and npm with the user's settings (index, proxy, certificates) to download the archive of a package.

Packages are never installed, built or run. The output of pip and npm is shown only if they fail.
"""

import importlib.util
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engines.downloading.packages import Package
from engines.downloading.policy import (
    DownloadCancelledError,
    DownloadError,
    DownloadPolicy,
    StalledError,
    UnreachableError,
    WrongBytesError,
)

_TICK_S = 0.1
_NOTICEABLE = 16 * 1024  # bytes; fewer within the stall time count as a stall
_WORK_S = 0.1  # processor seconds; with fewer within the stall time, a starting tool counts as stalled too
_START_S = 5.0  # maximum processor seconds for the start
_COPIES = 3  # suffixes of a tool's unfinished archives
_SHOWN_LINES, _SHOWN_COLUMNS = 8, 200
_CREDENTIALS = re.compile(r"(?<=://)[^/\s@]+@")
_SETTINGS = {
    "pip": "its own settings (`pip config`, PIP_INDEX_URL, HTTPS_PROXY, PIP_CERT)",
    "npm": "its own settings (`npm config`, npm_config_registry, HTTPS_PROXY, NODE_EXTRA_CA_CERTS)",
}


@dataclass(frozen=True)
class PackageTool:
    """A run of pip or npm in its own empty folder, where it writes all its files."""

    name: str  # "pip" or "npm"
    command: Sequence[str]
    folder: Path
    policy: DownloadPolicy
    cancel: threading.Event

    def fetch(self, package: Package, at_most: int, report: Callable[[int], None]) -> Path:
        """Return the archive of `package`; `report` gets the number of bytes so far.

        Raises UnreachableError if the tool fails, StalledError if nothing arrives within the policy's stall time,
        WrongBytesError for more than `at_most` bytes or not exactly one archive, DownloadCancelledError, OSError.
        """
        arrived, scratch = self.folder / "archive", self.folder / "scratch"
        for place in (arrived, scratch):
            place.mkdir(parents=True)
        log = self.folder / "output.txt"
        options = ["--cache", str(scratch)] if self.name == "npm" else []
        temporary = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))
        with (
            log.open("wb") as output,
            subprocess.Popen(  # noqa: S603 - names of packages have been checked
                [*self.command, *options, package.spec],
                cwd=arrived,
                env={**os.environ, **temporary},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            ) as process,
        ):
            try:
                self._watch(process, package, at_most, report)
            finally:
                process.kill()
        if process.returncode:
            raise UnreachableError(self._failure(package, process.returncode, log))
        archives = [path for path in arrived.iterdir() if path.suffix in (".whl", ".tgz") and not path.is_symlink()]
        if len(archives) != 1 or archives[0].stat().st_size > at_most:
            raise WrongBytesError(f"{self.name} did not download one archive of {package} of at most {at_most} bytes.")
        return archives[0]

    def _watch(
        self, process: "subprocess.Popen[bytes]", package: Package, at_most: int, report: Callable[[int], None]
    ) -> None:
        """Wait for the tool to end; raise if it hangs or downloads too much."""
        noticed, worked_s, since = 0, 0.0, time.monotonic()
        while process.poll() is None:
            here = _bytes_below(self.folder / "archive") + _bytes_below(self.folder / "scratch")
            report(here)
            if here - noticed >= _NOTICEABLE:
                noticed, since = here, time.monotonic()
            if worked_s < _START_S and (now_s := _processor_time(process.pid)) - worked_s >= _WORK_S:
                worked_s, since = now_s, time.monotonic()  # still starting, on a busy machine
            if here > _COPIES * at_most:
                raise WrongBytesError(f"{package} is larger than the expected {at_most} bytes.")
            if time.monotonic() - since > self.policy.stall_s:
                raise StalledError(
                    f"{self.name} received almost nothing of {package} for {self.policy.stall_s:g} s. It uses index, "
                    f"proxy and certificates from {_SETTINGS[self.name]}. Try again later."
                )
            if self.cancel.wait(_TICK_S):
                raise DownloadCancelledError("The download was cancelled; the next one resumes it.")

    def _failure(self, package: Package, code: int, log: Path) -> str:
        lines = log.read_bytes().decode("utf-8", "replace").strip().splitlines()[-_SHOWN_LINES:]
        said = _CREDENTIALS.sub("", "\n".join(f"    {line[:_SHOWN_COLUMNS]}" for line in lines))
        own = f"npm pack {package.spec}" if self.name == "npm" else f"pip download --no-deps {package.spec}"
        return (
            f"{self.name} could not download {package} (exit code {code}). Its output:\n{said}\n"
            f"  {self.name} uses index, proxy and certificates from {_SETTINGS[self.name]}; check that `{own}` works."
        )


def pip_download() -> list[str]:
    """Return the command that downloads a wheel with this Python's pip, or with the pip bundled in ensurepip.

    Only wheels: for a source distribution pip would run its code. Raises DownloadError if there is no pip.
    """
    options = ["--no-deps", "--only-binary=:all:", "--ignore-requires-python", "--no-input", "--progress-bar=off"]
    return [sys.executable, *_pip(), "download", *options, "--disable-pip-version-check", "--dest", "."]


def npm_pack(npm: Sequence[str]) -> list[str]:
    """Return the command that downloads a tarball with `npm` into its working folder."""
    return [*npm, "pack", "--ignore-scripts"]


def _pip() -> list[str]:
    if importlib.util.find_spec("pip"):
        return ["-m", "pip"]
    if importlib.util.find_spec("ensurepip"):  # uv's environments have no pip; its wheel can be run directly
        import ensurepip

        bundled = sorted((Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl"))
        if bundled:
            return [str(bundled[-1] / "pip")]
    raise DownloadError(
        f"Downloading packages needs pip, and '{sys.executable}' has none. Install it (`uv pip install pip` or `python "
        f"-m ensurepip`) and try again."
    )


def _processor_time(process: int) -> float:
    """Return the processor seconds of a process; 0 on systems other than Linux."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return 0.0


def _bytes_below(folder: Path) -> int:
    """Return the bytes of all files in `folder`, while another process changes them."""
    total = 0
    for here, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(here, name)).st_size  # noqa: PTH118 - twice as fast, ten times a second
            except OSError:
                continue
    return total
