"""Bake models into an image during its build: `python -m engines.downloading.bake default` in the engine's folder.

Downloads and verifies the given models of engine.yaml into models/; does nothing without a name. STORYFLOW_MODELS_URL
can be the URL of a mirror.
"""

import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from engines.contract.engine_config import ENGINE_YAML, load_engine_config
from engines.contract.errors import StartError
from engines.downloading.downloadable import downloadable_models
from engines.downloading.downloads import fetch_model
from engines.downloading.policy import DownloadError

logger = logging.getLogger(__name__)


def bake(folder: Path, names: Sequence[str]) -> None:
    """Download the models `names` of `folder`/engine.yaml into `folder`/models, unless they exist.

    Raises StartError if engine.yaml is invalid or does not list the download, and DownloadError.
    """
    config = load_engine_config(folder / ENGINE_YAML)
    models = downloadable_models([{"name": model.name, **model.metadata} for model in config.models])
    unknown = [name for name in names if name not in models]
    if unknown:
        raise StartError(
            f"{ENGINE_YAML} has no download for {', '.join(unknown)}, only for {', '.join(models) or 'none'}."
        )
    (folder / "models").mkdir(exist_ok=True)
    _remove_dangling(folder / "models")
    for name in names:
        logger.info("Downloading '%s', %d MB.", name, sum(file.size for file in models[name].files) // 1_000_000)
        fetch_model(models[name], folder / "models")


def _remove_dangling(models: Path) -> None:
    """Remove the links of a server that ran here: in the image they would dangle and hide models."""
    for entry in models.iterdir():
        if entry.is_symlink() and not entry.exists():
            entry.unlink()


def main(names: Sequence[str]) -> None:
    """Bake the models in, or exit with an error message."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        bake(Path.cwd(), names)
    except (DownloadError, StartError, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
