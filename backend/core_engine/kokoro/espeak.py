"""espeak-ng in this process: words in, IPA out, for one text or for a thousand.

espeak-ng keeps everything in global variables, so the process holds one library, one voice at a time and one lock.
The pieces of a text are handed over together: the voice is then looked at once, not once for every piece.
"""

import ctypes
import importlib
import logging
import os
import re
import sys
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from core_engine.kokoro.errors import PhonemizerError, UnsupportedLanguageError

logger = logging.getLogger(__name__)

VOICES = {"en-us": b"gmw/en-US", "en-gb": b"gmw/en"}
"""Language → the espeak-ng voice that the model was trained with."""

_INSTALL = "Install it again with `pip install --force-reinstall espeakng-loader`."

# Constants of speak_lib.h.
_OUTPUT_SYNCHRONOUS = 0x02
_INITIALIZE_DONT_EXIT = 0x8000
_TEXT_IS_UTF8 = 1
_PHONEMES_IPA_UNDERSCORED = ord("_") << 8 | 0x02

_DATA_PATH_BYTES = 140
"""espeak-ng keeps its data path in 160 bytes, file names included, and silently cuts what is longer."""

_BATCH = 64
"""Pieces translated while the lock is held: a few milliseconds, after which another thread may have its turn."""

_UNSPEAKABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]+")
"""Control characters, which espeak-ng would take for commands, and lone surrogates, which UTF-8 cannot hold."""

_LANGUAGE_FLAG = re.compile(r"\(.+?\)")
"""`(ru)` where espeak-ng changes its language within a text; a note to the reader, never spoken."""

_SWITCHING_SCRIPTS = (
    "\u0530-\u058f",  # Armenian
    *(f"{chr(first)}-{chr(first + 0x7F)}" for first in range(0x0900, 0x0E00, 0x80)),  # the scripts of India
    "\u10a0-\u10ff\u1c90-\u1cbf",  # Georgian
    "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af",  # Korean
)
_SWITCHING = re.compile(f"[{''.join(_SWITCHING_SCRIPTS)}]")
_SWITCHING_RUN = re.compile(
    "(" + "|".join(f"[{script}][{script}\\s\u200c\u200d]*" for script in _SWITCHING_SCRIPTS) + ")"
)
"""Words of a script for which espeak-ng changes its language. It crashes on some mixtures of two languages in one
word, so such words are spoken in calls of their own."""

_LONG_RUN = re.compile(r"(?<!\S)\S{18,}")
_TOO_LONG = re.compile(
    r"\d{33,}|w{18,}|[b-df-hj-np-tv-xz]{41,}|[^\W\d_]{61,}|[^\s\u0000-\u024f\u3000-\u9fff]{25,}", re.IGNORECASE
)
"""Words of which espeak-ng would drop the end: it keeps some 200 phonemes of a word, and a `w` alone has ten."""

_SAFE_LENGTH = 15
"""Characters in each part of such a word."""

_lock = threading.Lock()
_espeak: "_Espeak | None" = None


def to_ipa(pieces: Sequence[str], language: str) -> list[str]:
    """Return the IPA of every piece, in order, with stress marks and a space behind every word.

    A piece holds no punctuation marks; what espeak-ng cannot say gives an empty string. Safe from any thread and
    after a fork. Raises UnsupportedLanguageError, or PhonemizerError when espeak-ng cannot be loaded.
    """
    if language not in VOICES:
        raise UnsupportedLanguageError(
            f"The language {language!r} is not supported; the model speaks {' and '.join(VOICES)}."
        )
    voice = VOICES[language]
    spoken: list[str] = []
    for start in range(0, len(pieces), _BATCH):
        with _lock:
            spoken += _loaded().translate(voice, pieces[start : start + _BATCH])
    return spoken


def _loaded() -> "_Espeak":
    """Return the one library of this process; the caller holds the lock."""
    global _espeak
    if _espeak is None:
        _espeak = _Espeak()
        _survive_forks()
    return _espeak


def _survive_forks() -> None:
    """Let no fork happen in the middle of a translation: the child would inherit half of one, and a lock held."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


class _Espeak:
    """The loaded library. Not safe from several threads: the module's lock is held around every use."""

    def __init__(self) -> None:
        library_path, data_path = _paths()
        self._library = _load_library(library_path)
        self._data_descriptor = _initialize(self._library, data_path)
        self._voice: bytes | None = None

    def translate(self, voice: bytes, pieces: Iterable[str]) -> list[str]:
        """Return the IPA of every piece in `voice`."""
        self._use(voice)
        return [self._spoken(piece) for piece in pieces]

    def _use(self, voice: bytes) -> None:
        if voice == self._voice:
            return
        self._voice = None
        if self._library.espeak_SetVoiceByName(voice) != 0:
            raise PhonemizerError(f"espeak-ng has no voice {voice.decode()}: its data folder is incomplete. {_INSTALL}")
        self._voice = voice

    def _spoken(self, piece: str) -> str:
        piece = _prepared(piece)
        if piece.isascii() or not _SWITCHING.search(piece):
            return _tidied(self._phonemes(piece))
        return "".join(_tidied(self._phonemes(part)) for part in _SWITCHING_RUN.split(piece))

    def _phonemes(self, piece: str) -> str:
        """Return espeak-ng's own notation, clause after clause, joined with spaces."""
        # The buffer lives until the loop ends; espeak-ng moves the pointer on, and sets it to NULL behind the last
        # clause. A void pointer, because reading a char pointer back would copy the rest of the text every time.
        buffer = ctypes.create_string_buffer(piece.encode())
        position = ctypes.c_void_p(ctypes.addressof(buffer))
        reference = ctypes.byref(position)
        clauses = []
        while position.value is not None:
            clause = self._library.espeak_TextToPhonemes(reference, _TEXT_IS_UTF8, _PHONEMES_IPA_UNDERSCORED)
            if clause:
                clauses.append(clause.decode(errors="ignore"))
        return " ".join(clauses)


def _prepared(piece: str) -> str:
    """Return `piece` without what would harm espeak-ng, and with spaces in words of which it would drop the end."""
    if not piece.isprintable():
        piece = _UNSPEAKABLE.sub("", piece)
    return _TOO_LONG.sub(_spaced, piece) if _LONG_RUN.search(piece) else piece


def _spaced(match: re.Match[str]) -> str:
    word = match.group()
    return " ".join(word[start : start + _SAFE_LENGTH] for start in range(0, len(word), _SAFE_LENGTH))


def _tidied(phonemes: str) -> str:
    """Return espeak-ng's notation without line breaks, separators of phonemes and language flags."""
    line = phonemes.strip().replace("\n", " ").replace("  ", " ")
    if "(" in line:
        line = _LANGUAGE_FLAG.sub("", line)
    if not line:
        return ""
    return line.replace("_", "") + " "


def _paths() -> tuple[str, str]:
    """Return where the package espeakng-loader keeps the library and its data."""
    try:
        loader = importlib.import_module("espeakng_loader")
        library_path, data_path = str(loader.get_library_path()), str(loader.get_data_path())
    except ImportError as e:
        raise PhonemizerError(
            "espeak-ng, which turns text into phonemes, is missing. Install it with `pip install espeakng-loader`."
        ) from e
    except RuntimeError as e:
        raise PhonemizerError(f"The data folder of espeak-ng is missing ({e}). {_INSTALL}") from e
    if not (Path(data_path) / "phontab").is_file():
        raise PhonemizerError(f"The data folder of espeak-ng is missing or incomplete: {data_path}. {_INSTALL}")
    return library_path, data_path


def _load_library(path: str) -> Any:
    """Return the library with the signatures of the three functions that are called.

    PyDLL keeps the interpreter lock during a call: each takes microseconds, and handing the lock over that often
    to busy threads would cost thousands of times as much.
    """
    try:
        library = ctypes.PyDLL(path)
        library.espeak_Initialize.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
        library.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
        library.espeak_TextToPhonemes.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
        library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    except (OSError, AttributeError) as e:
        raise PhonemizerError(f"The espeak-ng library could not be loaded from {path} ({e}). {_INSTALL}") from e
    return library


def _initialize(library: Any, data_path: str) -> int | None:
    """Start the library on its data folder; return the descriptor that must stay open, where one is needed."""
    encoded, descriptor = os.fsencode(data_path), None
    if len(encoded) > _DATA_PATH_BYTES:
        descriptor = _opened_folder(data_path)
        encoded = b"/proc/self/fd/%d" % descriptor
    if library.espeak_Initialize(_OUTPUT_SYNCHRONOUS, 0, encoded, _INITIALIZE_DONT_EXIT) <= 0:
        raise PhonemizerError(f"espeak-ng could not read its data folder {data_path}. {_INSTALL}")
    return descriptor


def _opened_folder(data_path: str) -> int:
    """Open a folder whose name is too long for espeak-ng, so that it can be named by a short number."""
    if not sys.platform.startswith("linux"):
        raise PhonemizerError(
            f"The path of espeak-ng's data folder is {len(os.fsencode(data_path))} bytes long, and espeak-ng takes "
            f"{_DATA_PATH_BYTES}: {data_path}. Move the Python environment to a folder with a shorter path."
        )
    return os.open(data_path, os.O_PATH | os.O_DIRECTORY)
