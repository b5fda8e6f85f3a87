"""Create the virtual environment of an engine, in which `server.py` runs with the engine's real library.

    python make_venv.py tts/xtts            for users: installs requirements.txt
    python make_venv.py tts/xtts --test     for tests on a small machine without a GPU

For tests, a file next to requirements.txt says what is installed instead, and why. `test-constraints.txt` only
restricts versions. `test-requirements.txt` replaces the dependencies that a library pins.
"""

import argparse
import hashlib
import subprocess
import sys
import venv
from pathlib import Path

ENGINES = Path(__file__).resolve().parents[1]
_CUDA_ONLY = "torchaudio/lib/*.so"  # needs CUDA even with torch for the CPU; without it torchaudio is pure Python


def main() -> None:
    """Create the environment unless it exists and was created from the same files."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("engine", help="KIND/NAME, the engine's folder in backend/engines")
    parser.add_argument("--test", action="store_true", help="for tests, on a CPU")
    given = parser.parse_args()
    folder = ENGINES / given.engine
    if not (folder / "requirements.txt").is_file():
        parser.error(f"'{given.engine}' is not an engine: {folder} has no requirements.txt")
    installs = _for_tests(folder) if given.test else [["-r", str(folder / "requirements.txt")]]
    stamp, wanted = folder / "venv" / ".installed", _digest(folder, installs)
    if stamp.exists() and stamp.read_text() == wanted:
        return
    python = _new_environment(folder / "venv")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, "-r", str(ENGINES / "requirements.txt"), *installs[0]])
    for more in installs[1:]:
        _run([*pip, *more])
    _run([str(python), str(Path(__file__).with_name("drop_triton.py"))])
    if given.test:
        _leave_cuda_out(python)
    stamp.write_text(wanted)


def _for_tests(folder: Path) -> list[list[str]]:
    """Return the arguments of each `pip install`."""
    asked, constraints = folder / "requirements.txt", folder / "test-constraints.txt"
    instead = folder / "test-requirements.txt"
    if instead.exists():
        return [["-r", str(instead)], ["--no-deps", "-r", str(asked)]]
    return [["-r", str(asked), *(["-c", str(constraints)] if constraints.exists() else [])]]


def _new_environment(folder: Path) -> Path:
    if folder.is_symlink():
        sys.exit(f"'{folder}' is a link: creating an environment would empty '{folder.resolve()}'. Remove the link.")
    venv.create(folder, with_pip=True, clear=True)
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def _leave_cuda_out(python: Path) -> None:
    packages = _run([str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'), end='')"])
    for library in Path(packages).glob(_CUDA_ONLY):
        library.unlink()


def _run(command: list[str]) -> str:
    """Return the output of a command; exit with its exit code if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)  # noqa: S603
    if done.returncode:
        sys.exit(done.returncode)
    return done.stdout


def _digest(folder: Path, installs: list[list[str]]) -> str:
    scripts = sorted(Path(__file__).parent.glob("*.py"))
    files = [path for path in (ENGINES / "requirements.txt", *sorted(folder.glob("*.txt")), *scripts) if path.is_file()]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files) + repr(installs).encode()).hexdigest()


if __name__ == "__main__":
    main()
