"""Load an XTTS model's files with the library's own classes, without writing to them."""

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.contract.errors import UnusableModelError, unusable_if_damaged

if TYPE_CHECKING:
    from TTS.tts.models.xtts import Xtts

CONFIG, VOCABULARY, WEIGHTS = "config.json", "vocab.json", "model.pth"
FILES = (CONFIG, VOCABULARY, WEIGHTS)
SAMPLE_RATE = 24_000  # Hz, of XTTS's audio
_MODULE_OF_2023 = "TTS.tts.models.xtts"  # the module of its classes in the published checkpoint


def open_model(folder: Path, device: str) -> "Xtts":
    """Load the model in `folder` on `device`.

    Raises UnusableModelError if the files are not an XTTS model; other errors, such as lack of memory, are raised
    unchanged.
    """
    _quieten()
    from TTS.tts.configs.xtts_config import XttsConfig
    from TTS.tts.models.xtts import Xtts

    advice = f"Put {', '.join(FILES)} of one model there."
    with unusable_if_damaged(f"'{folder.name}' is not a readable XTTS model", advice):
        config = XttsConfig()
        config.load_json(str(folder / CONFIG))
        model = Xtts(config)
        _read_weights(model, config, folder)
    rate = model.args.output_sample_rate
    if rate != SAMPLE_RATE:
        raise UnusableModelError(f"'{folder.name}' speaks at {rate} Hz, but the client needs {SAMPLE_RATE} Hz.")
    return model.to(device)


def _read_weights(model: "Xtts", config: Any, folder: Path) -> None:
    """Load vocabulary and weights; only tensors and XTTS's own configuration classes are unpickled.

    The library handles classes pickled in 2023, which have moved, by rewriting model.pth: that would damage a verified
    download and fail on a read-only mount. Allowing the old names beforehand avoids it. speakers_xtts.pth is not read,
    because a cloning engine does not need it.
    """
    import torch
    from TTS.config.shared_configs import BaseDatasetConfig
    from TTS.tts.configs.xtts_config import XttsArgs, XttsAudioConfig, XttsConfig

    moved = [(moved, f"{_MODULE_OF_2023}.{moved.__name__}") for moved in (XttsArgs, XttsAudioConfig)]
    with torch.serialization.safe_globals([XttsConfig, XttsArgs, XttsAudioConfig, BaseDatasetConfig, *moved]):
        model.load_checkpoint(config, checkpoint_dir=folder, eval=True, speaker_file_path="")


def _quieten() -> None:
    """Silence the library's warnings, which contain the text, and its messages on every load."""
    logging.getLogger("TTS").setLevel(logging.ERROR)
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
