"""Find the Python that an engine runs in."""

import os
import sys
from pathlib import Path


def python_of(folder: Path) -> Path:
    """Return the Python of the engine's virtual environment in `folder`; the current Python if it has none."""
    own = folder / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    return own if own.exists() else Path(sys.executable)
