"""Make the torchaudio of PyPI usable beside a torch without CUDA: `python cpu_torchaudio.py`, for tests alone.

Its compiled part for Linux is linked against CUDA and fails to load without it. Nothing of that part is needed here,
and torchaudio does without where it is absent, so it is removed from the environment that runs this.
"""

import importlib.util
import logging
from pathlib import Path

logger = logging.getLogger(__name__)


def mend() -> None:
    """Remove the compiled part of torchaudio where torch has no CUDA."""
    import torch

    found = importlib.util.find_spec("torchaudio")
    if found is None or not found.origin or torch.version.cuda is not None:
        return
    for library in (Path(found.origin).parent / "lib").glob("*.so"):
        logger.info("Removing '%s'.", library)
        library.unlink()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    mend()
