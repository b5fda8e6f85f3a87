"""espeak-ng as the teacher: speaks a text and reports when each phone starts.

The library comes with the package `espeakng_loader` and is called through ctypes; names and constants are from its
public header `speak_lib.h`.
"""

import ctypes
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import espeakng_loader
import numpy as np
import numpy.typing as npt

_SYNCHRONOUS = 2
_PHONEME_EVENTS, _IPA_NAMES = 1, 2
_UTF8, _END_PAUSE = 1, 0x1000
_RATE, _PITCH, _PITCH_RANGE = 1, 3, 4
_END_OF_LIST, _CLAUSE_END, _PHONEME = 0, 5, 7

WORDS_PER_MINUTE = 140
DEFAULT_PITCH, DEFAULT_RANGE = 50, 50


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True)
class Event:
    """The start of a phone (`name` in IPA with stress) or the end of a clause (no name)."""

    name: str
    sample: int
    is_end: bool = False


@dataclass(frozen=True)
class Speech:
    """espeak's rendering of a text."""

    audio: npt.NDArray[np.float32]
    """Shape (samples,), between -1 and 1."""
    sample_rate: int
    phonemes: tuple[str, ...]
    """The IPA of each clause, with spaces between words."""
    events: tuple[Event, ...]


@dataclass
class Espeak:
    """A voice of the library. The library has global state, so use one object at a time."""

    voice: str = "en-us"
    pitch: int = DEFAULT_PITCH
    pitch_range: int = DEFAULT_RANGE
    rate: int = WORDS_PER_MINUTE
    _audio: list[npt.NDArray[np.int16]] = field(default_factory=list, repr=False)
    _events: list[Event] = field(default_factory=list, repr=False)

    def __post_init__(self) -> None:
        """Load the library; raises RuntimeError if it does not start or lacks the voice."""
        self._library, self.sample_rate = _private_library()
        self._callback = _Callback(self._receive)

    def speak(self, text: str) -> Speech:
        """Speak a text; raises RuntimeError if espeak fails."""
        self._audio.clear()
        self._events.clear()
        library = self._library
        library.espeak_SetSynthCallback(self._callback)
        if library.espeak_SetVoiceByName(self.voice.encode()):
            raise RuntimeError(f"espeak-ng has no voice {self.voice!r}; see its folder espeak-ng-data/voices")
        for parameter, value in ((_RATE, self.rate), (_PITCH, self.pitch), (_PITCH_RANGE, self.pitch_range)):
            library.espeak_SetParameter(parameter, value, 0)
        raw = text.encode() + b"\0"
        if library.espeak_Synth(raw, len(raw), 0, 1, 0, _UTF8 | _END_PAUSE, None, None):
            raise RuntimeError(f"espeak-ng failed to speak {text!r}")
        audio = np.concatenate(self._audio) if self._audio else np.zeros(0, dtype=np.int16)
        samples = audio.astype(np.float32) / np.float32(32768)
        return Speech(samples, self.sample_rate, tuple(self._phonemes(raw)), tuple(self._events))

    def _phonemes(self, raw: bytes) -> Iterator[str]:
        translate = self._library.espeak_TextToPhonemes
        translate.restype = ctypes.c_char_p
        rest = ctypes.c_char_p(raw)
        while rest.value:
            yield (translate(ctypes.byref(rest), _UTF8, _IPA_NAMES) or b"").decode()

    def _receive(
        self, samples: "ctypes._Pointer[ctypes.c_short]", count: int, events: "ctypes._Pointer[_Event]"
    ) -> int:
        if samples and count:
            self._audio.append(np.ctypeslib.as_array(samples, (count,)).copy())
        self._events.extend(_known(events))
        return 0


@lru_cache
def _private_library() -> tuple[ctypes.CDLL, int]:
    """Load a private copy of the library; return it and its sample rate.

    Every loaded copy has its own global state. Initialising a shared one again with other options would break the
    phoneme tables that `core_engine` uses, when tests or measurements use both.
    """
    original = Path(espeakng_loader.get_library_path())
    data = os.fsencode(espeakng_loader.get_data_path())
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:  # Windows cannot delete a loaded library
        library = ctypes.CDLL(shutil.copy(original, folder))
    sample_rate = library.espeak_Initialize(_SYNCHRONOUS, 0, data, _PHONEME_EVENTS | _IPA_NAMES)
    if sample_rate <= 0:
        raise RuntimeError(f"espeak-ng did not start with the data in {data.decode()}; reinstall espeakng-loader")
    return library, sample_rate


def _known(events: "ctypes._Pointer[_Event]") -> Iterator[Event]:
    for number in range(1_000_000):
        event = events[number]
        if event.type == _END_OF_LIST:
            return
        if event.type == _PHONEME:
            name = bytes(event.id.string).split(b"\0")[0].decode(errors="ignore")
            yield Event(name, event.sample)
        elif event.type == _CLAUSE_END:
            yield Event("", event.sample, is_end=True)
