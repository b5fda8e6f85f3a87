"""Download what engine.yaml lists into models/, verified, while an image is built: `python bake.py`."""

import logging
import os
import sys
from pathlib import Path

# backend/, where the engine lies in the project; in an image the packages lie beside this file.
sys.path.extend(str(folder) for folder in Path(__file__).resolve().parents[3:4])

from engines.downloading.downloadable import downloadable_models
from engines.downloading.downloads import fetch_model
from engines.downloading.policy import DownloadError
from engines.engine_config import ENGINE_YAML, load_engine_config
from engines.errors import StartError
from engines.tts.xtts import licence

logger = logging.getLogger(__name__)


def bake(folder: Path) -> None:
    """Fetch the models of `folder`/engine.yaml into `folder`/models.

    STORYFLOW_MODELS_URL may name a mirror. Raises StartError for a wrong engine.yaml and DownloadError.
    """
    config = load_engine_config(folder / ENGINE_YAML)
    (folder / "models").mkdir(exist_ok=True)
    for model in downloadable_models([{"name": model.name, **model.metadata} for model in config.models]).values():
        logger.info("Fetching '%s', %d MB.", model.name, sum(file.size for file in model.files) // 1_000_000)
        fetch_model(model, folder / "models")


def main() -> None:
    """Bake the models in, or end with what to do."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if not licence.agreed():
        sys.exit(f"{licence.HOW_TO_AGREE}.")
    try:
        bake(Path(os.environ.get("ENGINE_FOLDER") or Path(__file__).parent))
    except (DownloadError, StartError, ValueError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
