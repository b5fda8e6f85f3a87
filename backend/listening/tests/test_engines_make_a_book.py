"""Four engines make a short book, as the public application does it: cut, spoken, measured, listened to, joined.

They run as processes with their real models: segmenter, kokoro (Kokoro v1.0), silero-vad, whisper (Whisper base).
Whatever is wrong with a recording fails the same check that the good recordings pass.
"""

import contextlib
import io
import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
import soundfile

from engines.speech.sound import wav_of
from engines.tests.audiobook_client import AudiobookClient, installed, join, overall
from engines.tests.real.real_engine import give
from listening.equipment import VOICE, Equipment
from listening.listener import Listener, Recording
from listening.pairs import Change, first_half, gain, noise, silence, stutter
from listening.tests.bars import check_nothing_lost_or_doubled, check_words
from listening.word_errors import word_errors

pytestmark = [pytest.mark.listening, pytest.mark.timeout(900)]

SEGMENTER, KOKORO, SILERO_VAD, WHISPER = "segmenter", "kokoro", "silero-vad", "whisper"
SPEAKER = f"{VOICE}.af_heart"
STORY = (
    "The Crow and the Jar\n\nIt was a long dry summer, and the crow had not found any water for days. At last she saw "
    "a tall jar in a garden. Dr. Marsh had left a little water in it!\n\nStone by stone she made it rise, and then she "
    "drank."
)
MAX_LENGTH = 100  # characters of a segment
RATE = 24_000


@dataclass(frozen=True)
class Segment:
    """A segment of the book."""

    text: str
    wav: bytes


@dataclass(frozen=True)
class Judge:
    """The two engines that judge a recording."""

    whisper: AudiobookClient
    silero_vad: AudiobookClient

    def check(self, segment: Segment) -> None:
        """Fail if a recording is not as it should be, with what the engines found."""
        answers = [
            self.whisper.listen(segment.wav, "base", "en", segment.text),
            self.silero_vad.analyze(segment.wav, "default"),
        ]
        score, status = overall(answers)
        found = [answer["details"]["infoBlocks"] for answer in answers]
        assert status == "perfect", f"{score} {status}: {segment.text!r}, {found}"


@pytest.fixture(scope="module")
def engines(equipment: Equipment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, AudiobookClient]]:
    """The engines, found by the client and given their models, not started; all of them end well."""
    if not (equipment.speech_detector / "silero_vad.onnx").is_file():
        pytest.skip("the model of silero-vad is not there; `make test-listening` downloads it")
    found = installed(tmp_path_factory.mktemp("book"), (SEGMENTER, KOKORO, SILERO_VAD, WHISPER))
    models = {
        KOKORO: (equipment.model.parent, VOICE),
        SILERO_VAD: (equipment.speech_detector, "default"),
        WHISPER: (equipment.listener, "base"),
    }
    for engine, (model, name) in models.items():
        give(model, found[engine].folder / "external_models" / name)
    with contextlib.ExitStack() as stopped:
        for client in found.values():
            client.hurry = 1.0  # no sooner than the application, since other tests may run beside
            stopped.callback(client.stop)
        yield found
    for client in found.values():
        assert client.process is None or client.process.returncode == 0


@pytest.fixture(scope="module")
def book(engines: dict[str, AudiobookClient]) -> list[Segment]:
    """The story, cut and spoken."""
    engines[SEGMENTER].start("en")
    engines[KOKORO].start(SPEAKER)
    texts = engines[SEGMENTER].segment(STORY, "en", MAX_LENGTH)
    return [Segment(text, engines[KOKORO].speak(text, SPEAKER, "en")) for text in texts]


@pytest.fixture(scope="module")
def judge(engines: dict[str, AudiobookClient]) -> Judge:
    """Both judges, started."""
    engines[WHISPER].start("base")
    engines[SILERO_VAD].start("default")
    return Judge(engines[WHISPER], engines[SILERO_VAD])


def samples_of(wav: bytes) -> Recording:
    audio, rate = soundfile.read(io.BytesIO(wav), dtype="float32")
    assert rate == RATE
    return Recording(audio, rate)


def test_book_is_whole_and_every_recording_perfect(
    engines: dict[str, AudiobookClient], book: list[Segment], judge: Judge, listener: Listener
) -> None:
    assert " ".join(segment.text for segment in book).split() == STORY.split()
    assert len(book) >= 4
    assert all(len(segment.text) <= MAX_LENGTH for segment in book)
    for segment in book:
        judge.check(segment)
    joined = samples_of(join([segment.wav for segment in book]))
    errors = word_errors(STORY.replace("Dr.", "Doctor"), listener.hear(joined))
    check_words(errors, 4)
    check_nothing_lost_or_doubled(errors)
    for client in engines.values():
        assert client.loads == [200]
        assert client.restarts == 0


@pytest.mark.parametrize(
    "change",
    [first_half, silence, stutter, noise(0), gain(4)],
    ids=["first half", "silence", "stutter", "noise", "clipping"],
)
def test_damaged_recording_fails(book: list[Segment], judge: Judge, change: Change) -> None:
    segment = book[1]
    recording = samples_of(segment.wav)
    damaged = wav_of(np.asarray(change(recording.audio, RATE), np.float32), RATE)
    with pytest.raises(AssertionError, match=r"defect|warning"):
        judge.check(Segment(segment.text, damaged))


def test_recordings_in_the_wrong_order_fail(book: list[Segment], judge: Judge) -> None:
    for one, other in itertools.pairwise(book):
        with pytest.raises(AssertionError, match="defect"):
            judge.check(Segment(one.text, other.wav))
