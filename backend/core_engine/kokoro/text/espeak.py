"""Translate words to IPA with espeak-ng, in this process.

espeak-ng keeps its state in global variables, so there is one library per process, with one voice at a time, and one
lock. The pieces of a text are passed together, so that the voice is checked once and not for every piece.
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
"""espeak-ng stores data paths, including file names, in 160 bytes and silently truncates longer ones."""

_BATCH = 64
"""Pieces translated per lock: after a few milliseconds other threads get a turn."""

_LANGUAGE_FLAG = re.compile(r"\(.+?\)")
"""`(ru)`, where espeak-ng switches languages within a text; not phonemes."""

_lock = threading.Lock()
_espeak: "_Espeak | None" = None


def to_ipa(pieces: Sequence[str], language: str, separator: str = "") -> list[str]:
    """Return the IPA of every piece, in order, with stress marks and a space after every word.

    `separator` is put between the phones of a word, to distinguish "aɪ" as one phone from two.

    Pieces must not contain punctuation; those that espeak-ng cannot speak become empty strings. Safe in any thread and
    after a fork. Raises UnsupportedLanguageError, or PhonemizerError if espeak-ng cannot be loaded.
    """
    voice = checked_language(language).espeak_voice
    if voice is None:
        raise UnsupportedLanguageError(f"espeak-ng does not read the language {language!r}.")
    spoken: list[str] = []
    for start in range(0, len(pieces), _BATCH):
        with _lock:
            spoken += _loaded().translate(voice, pieces[start : start + _BATCH], separator)
    return spoken


def _loaded() -> "_Espeak":
    """Return the process's library; the caller must hold the lock."""
    global _espeak
    if _espeak is None:
        _espeak = _Espeak()
        _survive_forks()
    return _espeak


def _survive_forks() -> None:
    """Prevent forks during a translation: the child would inherit an unfinished one and a locked lock."""
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


class _Voice(ctypes.Structure):
    """The first members of espeak_VOICE."""

    _fields_ = (("name", ctypes.c_char_p), ("languages", ctypes.c_char_p), ("identifier", ctypes.c_char_p))


class _Espeak:
    """The loaded library. Not thread-safe: callers must hold the module's lock."""

    def __init__(self) -> None:
        library_path, data_path = _paths()
        self._library = _load_library(library_path)
        self._data_descriptor = _initialize(self._library, data_path)

    def translate(self, voice: bytes, pieces: Iterable[str], separator: str = "") -> list[str]:
        """Return the IPA of every piece in `voice`, with `separator` between phones."""
        # Checked every time, because other code in this process may use the same library; set only when needed,
        # because setting reads the voice's file again and takes longer than a short paragraph.
        current = self._library.espeak_GetCurrentVoice().contents.identifier
        if current != voice and self._library.espeak_SetVoiceByName(voice) != 0:
            raise PhonemizerError(f"espeak-ng has no voice {voice.decode()}: its data folder is incomplete. {_INSTALL}")
        return [self._spoken(piece, separator) for piece in pieces]

    def _spoken(self, piece: str, separator: str) -> str:
        return "".join([_tidied(self._phonemes(part), separator) for part in speakable_parts(piece)])

    def _phonemes(self, piece: str) -> str:
        """Return espeak-ng's own notation of all clauses, joined with spaces."""
        # The buffer must live until the loop ends; espeak-ng advances the pointer and sets it to NULL after the last
        # clause. It is a void pointer because reading a char pointer would copy the rest of the text every time.
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
    """Return espeak-ng's notation without line breaks and language flags, and with `separator` between phones."""
    line = phonemes.strip().replace("\n", " ").replace("  ", " ")
    if "(" in line:
        line = _LANGUAGE_FLAG.sub("", line)
    if not line:
        return ""
    return line.replace("_", separator) + " "


def _paths() -> tuple[str, str]:
    """Return the paths of the library and its data in the package espeakng-loader."""
    try:
        loader = importlib.import_module("espeakng_loader")
        library_path, data_path = str(loader.get_library_path()), str(loader.get_data_path())
    except ImportError as e:
        raise PhonemizerError(
            "espeak-ng, which turns text into phonemes, is missing. Install it with `pip install espeakng-loader`."
        ) from e
    except RuntimeError as e:
        raise PhonemizerError(f"espeak-ng's data folder is missing ({e}). {_INSTALL}") from e
    if not (Path(data_path) / "phontab").is_file():
        raise PhonemizerError(f"espeak-ng's data folder is missing or incomplete: {data_path}. {_INSTALL}")
    return library_path, data_path


def _load_library(path: str) -> Any:
    """Load the library and declare the signatures of the four functions in use.

    PyDLL keeps the GIL during a call: each call takes microseconds, and releasing the GIL to busy threads that often
    would cost thousands of times as much.
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
    """Initialise the library with its data folder; return the descriptor that must stay open, if there is one."""
    encoded, descriptor = os.fsencode(data_path), None
    if len(encoded) > _DATA_PATH_BYTES:
        descriptor = _opened_folder(data_path)
        encoded = b"/proc/self/fd/%d" % descriptor
    if library.espeak_Initialize(_OUTPUT_SYNCHRONOUS, 0, encoded, _INITIALIZE_DONT_EXIT) <= 0:
        raise PhonemizerError(f"espeak-ng could not read its data folder {data_path}. {_INSTALL}")
    return descriptor


def _opened_folder(data_path: str) -> int:
    """Open a folder whose path is too long for espeak-ng, so that it can be accessed by its descriptor."""
    if not sys.platform.startswith("linux"):
        raise PhonemizerError(
            f"The path of espeak-ng's data folder has {len(os.fsencode(data_path))} bytes; espeak-ng accepts at most "
            f"{_DATA_PATH_BYTES}: {data_path}. Move the Python environment to a folder with a shorter path."
        )
    return os.open(data_path, os.O_PATH | os.O_DIRECTORY)
