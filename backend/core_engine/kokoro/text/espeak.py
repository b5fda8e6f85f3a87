"""espeak-ng in this process: words in, IPA out, for one text or for a thousand.

espeak-ng keeps everything in global variables, so the process holds one library, one voice at a time and one lock.
The pieces of a text are handed over together: the voice is then looked at once, not once for every piece.
"""

import ctypes
import importlib
import os
import re
import sys
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from core_engine.kokoro.errors import PhonemizerError, UnsupportedLanguageError
from core_engine.kokoro.languages import checked_language
from core_engine.kokoro.text.speakable import speakable_parts

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

_LANGUAGE_FLAG = re.compile(r"\(.+?\)")
"""`(ru)` where espeak-ng changes its language within a text; a note to the reader, never spoken."""

_lock = threading.Lock()
_espeak: "_Espeak | None" = None


def to_ipa(pieces: Sequence[str], language: str, separator: str = "") -> list[str]:
    """Return the IPA of every piece, in order, with stress marks and a space behind every word.

    `separator` stands between the phones of a word, so that "aɪ" as one phone can be told from two.

    A piece holds no punctuation marks; what espeak-ng cannot say gives an empty string. Safe from any thread and
    after a fork. Raises UnsupportedLanguageError, or PhonemizerError when espeak-ng cannot be loaded.
    """
    voice = checked_language(language).espeak_voice
    if voice is None:
        raise UnsupportedLanguageError(f"The language {language!r} is not read by espeak-ng.")
    spoken: list[str] = []
    for start in range(0, len(pieces), _BATCH):
        with _lock:
            spoken += _loaded().translate(voice, pieces[start : start + _BATCH], separator)
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


class _Voice(ctypes.Structure):
    """The first members of espeak_VOICE."""

    _fields_ = (("name", ctypes.c_char_p), ("languages", ctypes.c_char_p), ("identifier", ctypes.c_char_p))


class _Espeak:
    """The loaded library. Not safe from several threads: the module's lock is held around every use."""

    def __init__(self) -> None:
        library_path, data_path = _paths()
        self._library = _load_library(library_path)
        self._data_descriptor = _initialize(self._library, data_path)

    def translate(self, voice: bytes, pieces: Iterable[str], separator: str = "") -> list[str]:
        """Return the IPA of every piece in `voice`, with `separator` between phones."""
        # Asked every time, because other code in this process may use the same library; set only where it is needed,
        # because that reads the voice's file again and takes longer than a short paragraph.
        current = self._library.espeak_GetCurrentVoice().contents.identifier
        if current != voice and self._library.espeak_SetVoiceByName(voice) != 0:
            raise PhonemizerError(f"espeak-ng has no voice {voice.decode()}: its data folder is incomplete. {_INSTALL}")
        return [self._spoken(piece, separator) for piece in pieces]

    def _spoken(self, piece: str, separator: str) -> str:
        return "".join([_tidied(self._phonemes(part), separator) for part in speakable_parts(piece)])

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


def _tidied(phonemes: str, separator: str) -> str:
    """Return espeak-ng's notation without line breaks and language flags, with another separator of phones."""
    line = phonemes.strip().replace("\n", " ").replace("  ", " ")
    if "(" in line:
        line = _LANGUAGE_FLAG.sub("", line)
    if not line:
        return ""
    return line.replace("_", separator) + " "


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
    """Return the library with the signatures of the four functions that are called.

    PyDLL keeps the interpreter lock during a call: each takes microseconds, and handing the lock over that often
    to busy threads would cost thousands of times as much.
    """
    try:
        library = ctypes.PyDLL(path)
        library.espeak_Initialize.argtypes = [ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_int]
        library.espeak_SetVoiceByName.argtypes = [ctypes.c_char_p]
        library.espeak_GetCurrentVoice.restype = ctypes.POINTER(_Voice)
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
