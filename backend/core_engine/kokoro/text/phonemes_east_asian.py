"""Japanese and Mandarin to the phonemes of v1.0, by the extras `ja` and `zh` of the package misaki.

They bring dictionaries, without which neither language can be read aloud; they are the user's to install.
"""

import importlib
import logging
import threading
import warnings
from functools import cache
from typing import Any

from core_engine.kokoro.errors import PhonemizerError
from core_engine.kokoro.languages import Language
from core_engine.kokoro.vocabulary import VOCABULARY_V1_0, within_vocabulary

logger = logging.getLogger(__name__)

_READERS = {"ja": ("misaki.ja", "JAG2P"), "zh": ("misaki.zh", "ZHG2P")}
_MARKS = str.maketrans({"«": "(", "»": ")", "।": "."})
_lock = threading.Lock()


def phonemize_east_asian(text: str, language: Language) -> str:
    """Return the phonemes of Japanese or Mandarin; raises as `check_east_asian` does."""
    with _lock:  # segmenters and taggers promise no more than one thread
        read = _reader(language)
        spoken = " ".join(read(line)[0].strip() for line in text.splitlines() if line.strip())
    return within_vocabulary(spoken.translate(_MARKS), VOCABULARY_V1_0).strip()


def check_east_asian(language: Language) -> None:
    """Raise PhonemizerError, which says what to install, where the language cannot be read here."""
    with _lock:
        _reader(language)


@cache
def _reader(language: Language) -> Any:
    """Return what reads a language; the caller holds the lock."""
    module, name = _READERS[language.code]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of packages that are not ours, about their own future
            reader = getattr(importlib.import_module(module), name)()
    except ImportError as error:
        raise PhonemizerError(
            f"{language.name} needs the package misaki with its extra {language.misaki_extra} ({error}). Install it "
            f"with `pip install 'misaki[{language.misaki_extra}]'`."
        ) from error
    except RuntimeError as error:  # MeCab's words for a dictionary that is not there
        raise PhonemizerError(
            f"{language.name} needs a dictionary. Fetch it with `python -m unidic download`, or install the small one "
            f"with `pip uninstall unidic` and `pip install unidic-lite`."
        ) from error
    logging.getLogger("jieba").setLevel(logging.WARNING)
    logger.info("%s is read by misaki.", language.name)
    return reader
