"""Keep libraries off the network: their own downloads are neither pinned nor verified."""

import os
from pathlib import Path

SWITCHES = (
    "HF_HUB_OFFLINE",
    "TRANSFORMERS_OFFLINE",
    "HF_DATASETS_OFFLINE",
    "HF_HUB_DISABLE_TELEMETRY",
    "ORT_DISABLE_TELEMETRY",
)
CACHES = ("HF_HOME", "TORCH_HOME", "TTS_HOME", "NLTK_DATA", "TIKTOKEN_CACHE_DIR")


def keep_offline(cache: Path) -> None:
    """Disable the downloads of model libraries and set their caches to `cache`; call it before importing them.

    Overrides the environment: a cache set there would not be on a mount.
    """
    os.environ.update(dict.fromkeys(SWITCHES, "1"))
    os.environ.update(dict.fromkeys(CACHES, str(cache)))
