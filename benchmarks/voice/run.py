"""Measure how well the built-in voice is understood, and everything else that was promised of it.

Prints a table, writes voice.json and the pictures next to this file. Takes some minutes, nearly all of them for the
listener; `--quick` leaves it out.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from closeness import distance_db, lengths
from cost import cost
from dictation import dictation
from manners import cleanliness, least_difference, prosody, seven_voices
from pictures import against_espeak
from pictures import seven_voices as draw_voices
from speakers import session_of

from builtin_voice.build import MODEL_NAME, TARGET

HERE = Path(__file__).resolve().parent
FIRST_VERSION_DB = 8.26
"""Mel-cepstral distance of the first, rule-made voice; the README says how to measure it again."""


def measure(model: Path, listener: str | None) -> dict[str, Any]:
    """Return everything that is measured on `model`."""
    session = session_of(str(model))
    distance = distance_db(session)
    voices = seven_voices(session)
    return {
        "dictation": dictation(model, listener) if listener else {},
        "closeness": {
            "distance_db": distance,
            "below_first_version": 1 - distance / FIRST_VERSION_DB,
            **{f"length_error_{name}": value for name, value in lengths(model).items()},
        },
        "voices": {"least_difference": least_difference(voices), **voices},
        "prosody": prosody(model),
        "cleanliness": cleanliness(model),
        "cost": cost(model),
    }


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=TARGET / MODEL_NAME, help="another build of the voice")
    parser.add_argument("--listener", default="base", help="folder or name of a Whisper model for faster-whisper")
    parser.add_argument("--quick", action="store_true", help="without the listener; keeps nothing")
    parser.add_argument("--distance", action="store_true", help="only the distance; for voices of other builds")
    arguments = parser.parse_args()
    if arguments.distance:
        print(f"{distance_db(session_of(str(arguments.model))):.2f} dB")
        return
    found = measure(arguments.model, None if arguments.quick else arguments.listener)
    for topic, values in found.items():
        print(topic)
        for name, value in values.items():
            print(f"  {name:28} {value if isinstance(value, dict) else format(value, '.3f')}")
    if not arguments.quick:
        (HERE / "voice.json").write_text(json.dumps(found, indent=1) + "\n")
        against_espeak(session_of(str(arguments.model)), HERE / "against_espeak.png")
        draw_voices(session_of(str(arguments.model)), HERE / "seven_voices.png")


if __name__ == "__main__":
    main()
