"""The engine whisper with the real Whisper base tells good recordings of the real voice from bad ones.

It runs on faster-whisper here; tests/real/test_whisper_published.py runs the same weights on openai-whisper.
"""

import base64
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from engines.conformance.trial import Trial, trial_of
from engines.speech.sound import wav_of
from listening.equipment import ENGINES, Equipment
from listening.pairs import Pair, bad_pairs, good_pairs
from listening.tests.conftest import ReadAloud

pytestmark = [pytest.mark.timeout(3600)]

PERFECT_FROM = 85
MOST_FALSE_ALARMS = 2  # of 40


@dataclass(frozen=True)
class Judged:
    """A pair and the engine's answer."""

    pair: Pair
    score: int
    blocks: dict[str, list[dict[str, Any]]]
    heard: str

    def issues(self, block: str) -> list[str]:
        """Return the faults in a block, without those that only inform."""
        return [issue["text"] for issue in self.blocks.get(block, []) if issue["severity"] != "info"]

    def __str__(self) -> str:
        """Return a line for a failure."""
        return f"{self.score} {self.pair.fault or 'good'}: {self.pair.spoken!r} heard as {self.heard!r}, {self.blocks}"


@pytest.fixture(scope="module")
def trial(equipment: Equipment) -> Iterator[Trial]:
    """The engine with Whisper base loaded, in the tests' own environment, which has faster-whisper."""
    with trial_of(ENGINES / "stt" / "whisper") as trial:
        shutil.copytree(equipment.listener, trial.models_dir / "base")
        trial.python = sys.executable
        trial.start()
        trial.model = "base"
        trial.load()
        yield trial


def judged(trial: Trial, read_aloud: ReadAloud, pair: Pair) -> Judged:
    """Let the voice speak and the engine judge."""
    recording = read_aloud(pair.spoken, pair.voice, pair.speed)
    sound = pair.change(recording.audio, recording.sample_rate) if pair.change else recording.audio
    wav = base64.b64encode(wav_of(sound, recording.sample_rate)).decode()
    answer = trial.post("/analyze", {"audioBase64": wav, "expectedText": pair.expected, "language": pair.language})
    assert answer.status == 200, answer.body
    body = answer.json()
    fields = {field["key"]: field["value"] for field in body["details"]["fields"]}
    return Judged(pair, body["qualityScore"], body["details"]["infoBlocks"], fields["transcription"])


def lines(found: list[Judged]) -> str:
    return "\n".join(map(str, found))


def check(good: list[Judged], bad: list[Judged], false_alarms: int) -> None:
    """Compare the answers with what was done to the recordings."""
    flagged = [found for found in good if found.score < PERFECT_FROM]
    assert len(flagged) <= false_alarms, lines(flagged)
    missed = [found for found in bad if found.score >= PERFECT_FROM]
    assert not missed, lines(missed)
    # A fault of the sound is no fault of the text, and the other way round.
    sound = [found for found in bad if found.pair.is_fault_of_sound]
    wrong = [found for found in sound if found.pair.fault not in found.issues("audioIssues")]
    assert not wrong, lines(wrong)
    understood = [found for found in sound if found.pair.fault != "stutter"]  # which may be heard as another word
    wrong = [found for found in understood if found.score >= 70 and found.issues("textDeviations")]
    assert not wrong, lines(wrong)
    words = [found for found in bad if found.pair.fault in ("missing", "doubled", "replaced")]
    wrong = [found for found in words if found.issues("audioIssues") or not found.issues("textDeviations")]
    assert not wrong, lines(wrong)
    rest = sorted(found.score for found in good)[len(flagged) :]
    assert rest[0] > max(found.score for found in bad)


@pytest.mark.listening
def test_good_and_bad_recordings_are_told_apart(trial: Trial, read_aloud: ReadAloud) -> None:
    good, bad = ([judged(trial, read_aloud, pair) for pair in pairs[::5]] for pairs in (good_pairs(), bad_pairs()))
    check(good, bad, false_alarms=0)


@pytest.mark.slow
def test_all_good_and_bad_recordings_are_told_apart(trial: Trial, read_aloud: ReadAloud) -> None:
    good, bad = ([judged(trial, read_aloud, pair) for pair in pairs] for pairs in (good_pairs(), bad_pairs()))
    assert len(good) == len(bad) == 40
    check(good, bad, MOST_FALSE_ALARMS)


@pytest.mark.listening
def test_folder_of_faster_whisper_has_the_name_of_the_standard(trial: Trial) -> None:
    assert trial.listed()[0] == "base"
    assert trial.get("/health").json()["currentEngineModel"] == "base"
