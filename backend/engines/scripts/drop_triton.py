"""Remove Triton from an environment whose PyTorch has no GPU: a gigabyte that is then never imported.

openai-whisper requires it on Linux, whichever build of PyTorch is installed.
"""

import importlib.metadata
import subprocess
import sys


def main() -> None:
    """Uninstall it, or leave it where a GPU build of PyTorch is."""
    try:
        importlib.metadata.version("triton")
        import torch
    except (importlib.metadata.PackageNotFoundError, ModuleNotFoundError):
        return
    if torch.version.cuda is None and torch.version.hip is None:
        command = [
            sys.executable,
            "-m",
            "pip",
            "uninstall",
            "--quiet",
            "--yes",
            "--disable-pip-version-check",
            "triton",
        ]
        subprocess.run(command, check=True)  # noqa: S603


if __name__ == "__main__":
    main()
