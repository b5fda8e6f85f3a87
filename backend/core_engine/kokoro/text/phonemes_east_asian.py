"""Japanese and Mandarin to the phonemes of v1.0, with the extras `ja` and `zh` of the package misaki.

The extras contain the dictionaries that both languages need; the user has to install them.
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
    """Return the phonemes of Japanese or Mandarin text; raises like `check_east_asian`."""
    with _lock:  # segmenters and taggers are not documented as thread-safe
        read = _reader(language)
        spoken = " ".join(read(line)[0].strip() for line in text.splitlines() if line.strip())
    return within_vocabulary(spoken.translate(_MARKS), VOCABULARY_V1_0).strip()


def check_east_asian(language: Language) -> None:
    """Raise PhonemizerError, which says what to install, if the language cannot be read."""
    with _lock:
        _reader(language)


@cache
def _reader(language: Language) -> Any:
    """Return the G2P of a language; the caller must hold the lock."""
    module, name = _READERS[language.code]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecation warnings of third-party packages
            reader = getattr(importlib.import_module(module), name)()
    except ImportError as error:
        raise PhonemizerError(
            f"{language.name} needs the package misaki with its extra {language.misaki_extra} ({error}). Install it "
            f"with `pip install 'misaki[{language.misaki_extra}]'`."
        ) from error
    except RuntimeError as error:  # MeCab without a dictionary
        raise PhonemizerError(
            f"{language.name} needs a dictionary. Download it with `python -m unidic download`, or install the small "
            f"one with `pip uninstall unidic` and `pip install unidic-lite`."
        ) from error
    logging.getLogger("jieba").setLevel(logging.WARNING)
    logger.info("%s is read by misaki.", language.name)
    return reader
