"""Libraries kept from the network: what they would fetch by themselves is neither pinned nor verified."""

import os
from pathlib import Path

SWITCHES = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY")
CACHES = ("HF_HOME", "TORCH_HOME", "TTS_HOME", "NLTK_DATA", "TIKTOKEN_CACHE_DIR")


def keep_offline(cache: Path) -> None:
    """Switch the downloads of model libraries off and point their caches at `cache`; call it before they are imported.

    The library has no say: a cache set in the environment would be one that no mount keeps.
    """
    os.environ.update(dict.fromkeys(SWITCHES, "1"))
    os.environ.update(dict.fromkeys(CACHES, str(cache)))
