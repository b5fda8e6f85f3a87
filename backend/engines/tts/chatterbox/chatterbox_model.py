"""Chatterbox's models as its library keeps them: which files make one, how they are loaded, what is mended on the way.

Written for chatterbox-tts 0.1.7, whose loader looks for fixed file names. The numbers of its issues are given where a
defect of it is worked around; nothing of the library is replaced.
"""

import contextlib
import importlib
import json
import logging
import os
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.contract.errors import RequestError, unusable_if_damaged
from engines.speech.offline import keep_offline
from engines.speech.torch_device import torch_device

logger = logging.getLogger(__name__)

CANGJIE = "Cangjie5_TC.json"  # Chinese characters by the keys of their parts, the alphabet that the model reads
WORDS = "spacy_ontonotes.zip"  # spacy-pkuseg's model of where Chinese words end; optional
_INSTALL = "Run `pip install -r requirements.txt` in the engine's environment."


@dataclass(frozen=True)
class Kind:
    """One of the library's model classes."""

    module: str
    class_name: str
    files: tuple[str, ...]  # that its from_local() opens, under names that cannot be chosen
    languages: frozenset[str] | None  # None: those of engine.yaml


ENGLISH = Kind(
    "chatterbox.tts",
    "ChatterboxTTS",
    ("ve.safetensors", "t3_cfg.safetensors", "s3gen.safetensors", "tokenizer.json"),
    frozenset({"en"}),
)
MULTILINGUAL = Kind(
    "chatterbox.mtl_tts",
    "ChatterboxMultilingualTTS",
    ("ve.pt", "t3_mtl23ls_v2.safetensors", "s3gen.pt", "grapheme_mtl_merged_expanded_v1.json", CANGJIE),
    None,
)


def kind_of(folder: Path) -> Kind | None:
    """Return what the files in `folder` are: a folder with both models, as published, is the multilingual one."""
    return next((kind for kind in (MULTILINGUAL, ENGLISH) if _holds(folder, kind.files)), None)


def load_checkpoint(folder: Path, kind: Kind, cache: Path) -> Any:
    """Return the library's model of the files in `folder`, on the GPU where there is one.

    `cache` is where the library's dependencies may keep things. Raises UnusableModelError for damaged files,
    RequestError for a library that is not installed as it has to be, and what PyTorch raises where the device fails.
    """
    keep_offline(cache)
    library = _imported(kind)
    device = torch_device()
    logger.debug("Loading '%s' as %s on %s.", folder, kind.class_name, device)
    problem = f"The model '{folder.name}' is damaged or not one of Chatterbox 0.1"
    with unusable_if_damaged(problem, "Fetch its files again."):
        with _segmenter_hidden():
            model = getattr(library, kind.class_name).from_local(folder, device)
        if kind is MULTILINGUAL:
            _read_chinese(model.tokenizer.cangjie_converter, folder)
    return model


def forget_hooks(model: Any) -> None:
    """Remove what the multilingual model adds to itself with every text: it becomes slower with each (issue 504)."""
    for layer in model.t3.tfmr.layers:
        layer.self_attn._forward_hooks.clear()  # PyTorch hands out the way to remove one only to who added it


def _holds(folder: Path, files: tuple[str, ...]) -> bool:
    return all((folder / name).is_file() for name in files)


def _imported(kind: Kind) -> Any:
    os.environ.setdefault("TQDM_DISABLE", "1")  # a progress bar for every sentence would fill the log
    try:
        library = importlib.import_module(kind.module)
        watermarker = importlib.import_module("perth").PerthImplicitWatermarker
    except ImportError as error:
        raise RequestError(f"Chatterbox cannot be imported: {error}. {_INSTALL}") from error
    logging.getLogger("chatterbox").setLevel(logging.ERROR)  # it warns of what is expected, also of every last token
    if watermarker is None:  # issue 198: then the library fails with "'NoneType' object is not callable"
        raise RequestError(
            "The watermark of resemble-perth is not available: it needs pkg_resources, which setuptools has dropped in "
            "version 81. Run `pip install 'setuptools<81'` in the engine's environment."
        )
    return library


@contextlib.contextmanager
def _segmenter_hidden() -> Iterator[None]:
    """Keep the multilingual model, in whatever language, from fetching a model for Chinese words as it is made.

    spacy-pkuseg has a downloader of its own, which heeds no switch; without the package the library goes on.
    """
    hidden = "spacy_pkuseg"
    before = sys.modules.get(hidden)
    sys.modules[hidden] = None  # type: ignore[assignment]  # makes `import` raise ImportError, see its documentation
    try:
        yield
    finally:
        del sys.modules[hidden]
        if before is not None:
            sys.modules[hidden] = before


def _read_chinese(converter: Any, folder: Path) -> None:
    """Give the tokenizer what it needs for Chinese from `folder`: it asks the hub, even beside the file (issue 471)."""
    for entry in json.loads((folder / CANGJIE).read_text(encoding="utf-8")):
        character, code = entry.split("\t")[:2]
        converter.word2cj[character] = code
        converter.cj2word.setdefault(code, []).append(character)
    words = folder / WORDS
    if not words.is_file():
        logger.info("Chinese is read without word boundaries: '%s' is not in '%s'.", WORDS, folder.name)
        return
    with tempfile.TemporaryDirectory() as unpacked:
        with zipfile.ZipFile(words) as archive:
            for name in ("features.msgpack", "weights.npz"):  # and no features.pkl, which could run code
                archive.extract(name, unpacked)
        converter.segmenter = importlib.import_module("spacy_pkuseg").pkuseg(unpacked)
