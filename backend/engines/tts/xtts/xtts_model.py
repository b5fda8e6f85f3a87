"""The files of an XTTS model, opened with the library's own classes and never written to."""

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.contract.errors import UnusableModelError, unusable_if_damaged

if TYPE_CHECKING:
    from TTS.tts.models.xtts import Xtts

CONFIG, VOCABULARY, WEIGHTS = "config.json", "vocab.json", "model.pth"
FILES = (CONFIG, VOCABULARY, WEIGHTS)
SAMPLE_RATE = 24_000  # Hz, of everything XTTS speaks
_MODULE_OF_2023 = "TTS.tts.models.xtts"  # where the published checkpoint says that its classes are


def open_model(folder: Path, device: str) -> "Xtts":
    """Return the model in `folder`, ready to speak on `device`.

    Raises UnusableModelError for files that are no XTTS model; what else fails, as memory that runs out, is raised as
    it comes.
    """
    _quieten()
    from TTS.tts.configs.xtts_config import XttsConfig
    from TTS.tts.models.xtts import Xtts

    advice = f"Put {', '.join(FILES)} of one model there."
    with unusable_if_damaged(f"'{folder.name}' is no XTTS model that can be read", advice):
        config = XttsConfig()
        config.load_json(str(folder / CONFIG))
        model = Xtts(config)
        _read_weights(model, config, folder)
    rate = model.args.output_sample_rate
    if rate != SAMPLE_RATE:
        raise UnusableModelError(f"'{folder.name}' speaks at {rate} Hz, but the client needs {SAMPLE_RATE} Hz of all.")
    return model.to(device)


def _read_weights(model: "Xtts", config: Any, folder: Path) -> None:
    """Load vocabulary and weights; only tensors and the classes of XTTS' own configuration leave the pickle.

    The library knows that classes pickled in 2023 have moved, but then writes model.pth anew: a verified download would
    be damaged, and a mount that cannot be written would fail. Allowing the old names beforehand avoids that.
    The speakers of speakers_xtts.pth are not read: an engine that clones has no use for them.
    """
    import torch
    from TTS.config.shared_configs import BaseDatasetConfig
    from TTS.tts.configs.xtts_config import XttsArgs, XttsAudioConfig, XttsConfig

    moved = [(moved, f"{_MODULE_OF_2023}.{moved.__name__}") for moved in (XttsArgs, XttsAudioConfig)]
    with torch.serialization.safe_globals([XttsConfig, XttsArgs, XttsAudioConfig, BaseDatasetConfig, *moved]):
        model.load_checkpoint(config, checkpoint_dir=folder, eval=True, speaker_file_path="")


def _quieten() -> None:
    """Keep the library from warning with the very text that it is given, and from remarks on every load."""
    logging.getLogger("TTS").setLevel(logging.ERROR)
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
