"""Find and load the voices next to a model, and choose the style vector for a chunk.

A pack has one style vector for every length of a chunk: float32 of shape (rows, 1, 256). v0.19 has 511 rows, row n for
n token ids; v1.0 has 510, row n - 1.
"""

import contextlib
import logging
from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from core_engine.kokoro.dimensions import MAX_TOKENS
from core_engine.kokoro.errors import VoicePackError
from core_engine.kokoro.voice.formats import VoicePack, format_of
from core_engine.kokoro.voice.voices import DEFAULT_VOICE_ID
from engines.store import manifest
from engines.store.file_state import FileState, state_of

logger = logging.getLogger(__name__)

_SUFFIXES = frozenset([".npz", ".bin", ".json", ".npy", ".pt", ".pth"])


@dataclass(frozen=True)
class VoiceFile:
    """A file with voices, with its time and size when it was found."""

    path: Path
    state: FileState


def style_row(pack: VoicePack, token_count: int) -> npt.NDArray[np.float32]:
    """Return the style vector, float32 of shape (1, 256), for a chunk of `token_count` ids, not counting pads.

    Row n of a pack of 511 rows, row n - 1 of one of 510, limited to existing rows.
    """
    row = token_count - (MAX_TOKENS + 1 - len(pack))
    vector: npt.NDArray[np.float32] = pack[min(max(row, 0), len(pack) - 1)]
    return vector


def find_voices(folder: Path) -> dict[str, VoiceFile]:
    """Return the voices in a model's folder and its `voices/` folder: name → file.

    If two files have the same voice, the first one wins: the folder itself before `voices/`, then by file name. Files
    that are not voice packs are skipped with a logged warning.
    """
    voices: dict[str, VoiceFile] = {}
    for file in _candidates(folder):
        for name in _names_in(file):
            voices.setdefault(name, file)
    return voices


def installed_voice(voice_id: str, installed: Collection[str]) -> str:
    """Return `voice_id` if it is installed, otherwise the default voice, with a logged warning.

    Raises VoicePackError if the default voice is not installed either.
    """
    if voice_id in installed:
        return voice_id
    if DEFAULT_VOICE_ID not in installed:
        raise VoicePackError(
            f"The voice '{voice_id}' is not installed, nor is the default '{DEFAULT_VOICE_ID}'. Installed voices: "
            f"{', '.join(sorted(installed)) or 'none'}. Put the voice pack that belongs to the model (voices.bin, "
            f"voices.npz or a voices/ folder) next to the model file."
        )
    logger.warning("The voice '%s' is not installed, falling back to '%s'", voice_id, DEFAULT_VOICE_ID)
    return DEFAULT_VOICE_ID


def check_installed(voice_id: str, installed: Collection[str]) -> None:
    """Raise VoicePackError, which names the most similar voices, where `voice_id`, or one of a blend, is missing."""
    missing = next((name for name in _names_of(voice_id) if name not in installed), None)
    if missing is None:
        return
    near = get_close_matches(missing, installed, n=3)
    others = f"Installed voices: {', '.join(sorted(installed)) or 'none'}."
    advice = f"Did you mean {' or '.join(near)}?" if near else others
    raise VoicePackError(
        f"The voice '{missing[:80]}' is not installed. {advice} `storyflow voices` shows which model has which voices."
    )


def _names_of(voice_id: str) -> list[str]:
    return [part.partition("*")[0].strip() for part in voice_id.split("+")]


@lru_cache(maxsize=64)
def load_voice(file: VoiceFile, name: str) -> VoicePack:
    """Return the pack of one voice: float32 of shape (rows, 1, 256), finite, read-only.

    Raises VoicePackError if the file has changed, cannot be read or has no valid voice.
    """
    try:
        pack = format_of(file.path).read(name)
    except OSError as error:
        raise VoicePackError(f"The voice pack '{file.path}' cannot be read: {error}.") from error
    pack.flags.writeable = False
    return pack


def _candidates(folder: Path) -> list[VoiceFile]:
    files = []
    for place in (folder, folder / "voices"):
        try:
            found = sorted(path for path in place.iterdir() if _may_hold_voices(path))
        except OSError:  # missing or not readable
            continue
        for path in found:
            with contextlib.suppress(OSError):  # deleted meanwhile, a broken link, or not readable
                if path.is_file():
                    files.append(VoiceFile(path, state_of(path)))
    return files


def _may_hold_voices(path: Path) -> bool:
    return path.suffix.lower() in _SUFFIXES and not path.name.startswith(".") and path.name != manifest.NAME


@lru_cache(maxsize=256)
def _names_in(file: VoiceFile) -> tuple[str, ...]:
    try:
        return format_of(file.path).names()
    except (VoicePackError, OSError) as error:
        logger.warning("Skipped as a voice pack: %s", error)
        return ()
