"""Which version of Kokoro a model and a voice pack are of. Told by what is in them, never by the name of a file.

A pack says it by its rows. A model says it where its exporter wrote the configuration into it; of the published files
that say nothing the SHA-256 in their manifest tells it. A model of which neither is known goes with its pack.
"""

import json
from collections.abc import Mapping

from core_engine.kokoro.errors import ModelFileError
from core_engine.kokoro.vocabulary import MAX_TOKENS, VOCABULARY, VOCABULARY_V1_0

V0_19 = "v0.19"
V1_0 = "v1.0"

_ROWS = {MAX_TOKENS + 1: V0_19, MAX_TOKENS: V1_0}
_VOCABULARIES = {V0_19: VOCABULARY, V1_0: VOCABULARY_V1_0}
_CONFIGURATION = "kokoro_config"


def version_of_pack(rows: int) -> str | None:
    """Return the version of a voice pack of so many rows; None for a length that no version has."""
    return _ROWS.get(rows)


def version_of_notes(notes: Mapping[str, str]) -> str | None:
    """Return the version that the notes in a model tell by its vocabulary; None where they do not.

    Raises ModelFileError for a vocabulary that is neither that of v0.19 nor that of v1.0.
    """
    try:
        vocabulary = json.loads(notes[_CONFIGURATION])["vocab"]
    except (KeyError, TypeError, ValueError, RecursionError):
        return None
    for version, known in _VOCABULARIES.items():
        if vocabulary == known:
            return version
    raise ModelFileError(
        f"The model has a vocabulary of {len(vocabulary) if isinstance(vocabulary, dict) else 'unknown'} symbols that "
        f"belongs neither to Kokoro {V0_19} nor to {V1_0}. Use a model of one of these versions."
    )
