"""Chatterbox's models: their files, loading them with the library, and workarounds for its defects.

Written for chatterbox-tts 0.1.7, whose loader uses fixed file names. Workarounds mention the number of the library's
issue; no code of the library is replaced.
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

CANGJIE = "Cangjie5_TC.json"  # maps Chinese characters to Cangjie codes, which the model reads
WORDS = "spacy_ontonotes.zip"  # spacy-pkuseg's model for Chinese word boundaries; optional
_INSTALL = "Run `pip install -r requirements.txt` in the engine's environment."


@dataclass(frozen=True)
class Kind:
    """A model class of the library."""

    module: str
    class_name: str
    files: tuple[str, ...]  # opened by its from_local(), with fixed names
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
    """Return the kind of the model in `folder`; a folder with both models, as published, is multilingual."""
    return next((kind for kind in (MULTILINGUAL, ENGLISH) if _holds(folder, kind.files)), None)


def load_checkpoint(folder: Path, kind: Kind, cache: Path) -> Any:
    """Load the model in `folder` with the library, on the GPU if there is one.

    `cache` is the cache folder of the library's dependencies. Raises UnusableModelError for damaged files,
    RequestError if the library is not installed correctly, and PyTorch's errors if the device fails.
    """
    keep_offline(cache)
    library = _imported(kind)
    device = torch_device()
    logger.debug("Loading '%s' as %s on %s.", folder, kind.class_name, device)
    problem = f"The model '{folder.name}' is damaged or not a Chatterbox 0.1 model"
    with unusable_if_damaged(problem, "Download its files again."):
        with _segmenter_hidden():
            model = getattr(library, kind.class_name).from_local(folder, device)
        if kind is MULTILINGUAL:
            _read_chinese(model.tokenizer.cangjie_converter, folder)
    return model


def forget_hooks(model: Any) -> None:
    """Remove the hooks that the multilingual model adds with every text, which slow it down (issue 504)."""
    for layer in model.t3.tfmr.layers:
        layer.self_attn._forward_hooks.clear()  # PyTorch gives the handle for removing a hook only to its creator


def _holds(folder: Path, files: tuple[str, ...]) -> bool:
    return all((folder / name).is_file() for name in files)


def _imported(kind: Kind) -> Any:
    os.environ.setdefault("TQDM_DISABLE", "1")  # a progress bar for every sentence would fill the log
    try:
        library = importlib.import_module(kind.module)
        watermarker = importlib.import_module("perth").PerthImplicitWatermarker
    except ImportError as error:
        raise RequestError(f"Chatterbox cannot be imported: {error}. {_INSTALL}") from error
    logging.getLogger("chatterbox").setLevel(logging.ERROR)  # it warns about expected things, such as every last token
    if watermarker is None:  # issue 198: otherwise the library fails with "'NoneType' object is not callable"
        raise RequestError(
            "The watermark of resemble-perth is not available: it needs pkg_resources, which setuptools has dropped in "
            "version 81. Run `pip install 'setuptools<81'` in the engine's environment."
        )
    return library


@contextlib.contextmanager
def _segmenter_hidden() -> Iterator[None]:
    """Keep the multilingual model from downloading a model for Chinese words when it is created for any language.

    spacy-pkuseg has its own downloader, which cannot be disabled; the library also works without the package.
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
    """Give the tokenizer its Chinese data from `folder`: it asks the hub even if the file exists (issue 471)."""
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
