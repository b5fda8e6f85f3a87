"""A tiny XTTS model with random weights, to try everything but the voice: `python tiny_xtts.py FOLDER [options]`.

It speaks noise. Its files are those of XTTS-v2, made by the library's own classes: config.json, vocab.json, model.pth.
Run it with the engine's own Python.
"""

import argparse
import contextlib
import logging
import string
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from TTS.tts.configs.xtts_config import XttsConfig

logger = logging.getLogger(__name__)

LANGUAGES = ["en", "es", "fr", "de", "it", "pt", "pl", "tr", "ru", "nl", "cs", "ar", "zh-cn", "hu", "ko", "ja", "hi"]
STOPPING = 2.5  # makes about one audio token in five the last one, as if the text were short
NEVER = -1e4
KINDS: dict[str, dict[str, Any]] = {
    "published": {"legacy": True},
    "other": {"seed": 2},
    "endless": {"endless": True},
    "trained": {"trained": True},
}
_OTHER_LETTERS = "äöüßéèêëàâçñìòùãõőűğışřžýůťďčěąćęłńóśźżабвгдежзийклмнопрстуфхцчшщъыьэюяبتنملدرسعيو"


def make(
    folder: Path,
    *,
    seed: int = 1,
    layers: int = 2,
    width: int = 64,
    legacy: bool = False,
    endless: bool = False,
    trained: bool = False,
) -> None:
    """Write a model into the new `folder`; other seeds make other voices.

    `legacy` pickles the configuration into model.pth under the class names of 2023, as the published XTTS-v2 does.
    `endless` speaks every text until its room of audio tokens is full. `trained` has the names of weights that the
    library's trainer writes, and the state of its optimiser.
    """
    import torch
    from TTS.tts.models.xtts import Xtts

    folder.mkdir(parents=True)
    write_vocabulary(folder / "vocab.json")
    config = tiny_config(layers, width)
    config.save_json(folder / "config.json")
    torch.manual_seed(seed)
    model = Xtts(config)
    model.tokenizer = type(model.tokenizer)(vocab_file=folder / "vocab.json")
    model.init_models()
    with torch.no_grad():
        model.gpt.mel_head.bias[config.model_args.gpt_stop_audio_token] += NEVER if endless else STOPPING
    weights = model.state_dict()
    checkpoint = {"model": weights, "config": config if legacy else config.to_dict()}
    if trained:
        named = {f"xtts.{name}": weight for name, weight in weights.items()}
        checkpoint = {"model": {**named, "dvae.codebook": torch.zeros(2)}, "optimizer": {"step": 7}, "step": 7}
    with _names_of_2023() if legacy else contextlib.nullcontext():
        torch.save(checkpoint, folder / "model.pth")
    logger.info("Made '%s'.", folder)


def tiny_config(layers: int, width: int) -> "XttsConfig":
    """Return a configuration that is as small as XTTS lets it be: its HiFi-GAN has one size."""
    from TTS.tts.configs.xtts_config import XttsArgs, XttsConfig

    arguments = XttsArgs(
        gpt_layers=layers,
        gpt_n_model_channels=width,
        gpt_n_heads=2,
        gpt_max_audio_tokens=40,
        gpt_num_audio_tokens=66,
        gpt_start_audio_token=64,
        gpt_stop_audio_token=65,
        gpt_use_perceiver_resampler=True,
        decoder_input_dim=width,
    )
    return XttsConfig(model_args=arguments, languages=LANGUAGES, gpt_cond_len=6, gpt_cond_chunk_len=4, max_ref_len=10)


def write_vocabulary(path: Path) -> None:
    """Write a vocabulary of single letters with the marks that XTTS looks up by name."""
    from tokenizers import Tokenizer
    from tokenizers.models import BPE
    from tokenizers.pre_tokenizers import Whitespace

    marks = ["[STOP]", "[UNK]", "[SPACE]", "[START]", *(f"[{language}]" for language in LANGUAGES)]
    letters = [*string.ascii_lowercase, *string.digits, *string.punctuation, *dict.fromkeys(_OTHER_LETTERS)]
    vocabulary = {token: number for number, token in enumerate([*marks, *letters])}
    tokenizer = Tokenizer(BPE(vocab=vocabulary, merges=[], unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.add_special_tokens(marks)
    tokenizer.save(str(path))


@contextlib.contextmanager
def _names_of_2023() -> Iterator[None]:
    """Pickle the classes of the configuration under the module that held them when XTTS-v2 was published."""
    from TTS.tts.configs.xtts_config import XttsArgs, XttsAudioConfig

    here = XttsArgs.__module__
    XttsArgs.__module__ = XttsAudioConfig.__module__ = "TTS.tts.models.xtts"
    try:
        yield
    finally:
        XttsArgs.__module__ = XttsAudioConfig.__module__ = here


def main(arguments: Sequence[str] | None = None) -> None:
    """Make a model from the command line."""
    parser = argparse.ArgumentParser(description="Make a tiny XTTS model with random weights.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--legacy", action="store_true", help="as the published XTTS-v2: the configuration pickled")
    parser.add_argument("--kinds", action="store_true", help=f"make one of each kind: {', '.join(KINDS)}")
    parser.add_argument("--endless", action="store_true", help="speaks every text until its room is full")
    parser.add_argument("--trained", action="store_true", help="as the library's trainer writes it")
    options = vars(parser.parse_args(arguments))
    if not options.pop("kinds"):
        make(**options)
        return
    for name, differences in KINDS.items():
        make(**{**options, "folder": options["folder"] / name, **differences})


if __name__ == "__main__":
    main()
