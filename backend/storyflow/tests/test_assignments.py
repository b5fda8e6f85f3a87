"""Who speaks what on a cluster: the real decisions, with speakers that answer when the test says so."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from core_engine.kokoro.errors import SynthesisError
from core_engine.kokoro.speech.synthesis import Kokoro
from core_engine.kokoro.speech.throughput import Line, speak_each
from core_engine.model_paths import BUILT_IN, model_path
from core_engine.reading.aloud import read_as_written
from storyflow.cluster.assignments import Assignments
from storyflow.cluster.backlog import Item
from storyflow.cluster.job import Job
from storyflow.cluster.stations import Engaged, Station
from storyflow.narration.narration import Narration, Outcome, Step
from storyflow.narration.planning import PlannedSegment, Task
from storyflow.narration.spoken import Answer, Answered, Spoken, answer_of
from storyflow.stories.story import Segment, read_story

LONG_S = 1000.0
"""Longer than any batch here may take."""


class Stage:
    """Assignments whose speakers answer when the test says so."""

    def __init__(self, *names: str) -> None:
        self.speakers = [Engaged(None, name, Station(name, name, "10.0.0.1", 1), is_open=True) for name in names]
        self.sent: list[tuple[Engaged, Sequence[Item]]] = []
        self.assignments = Assignments(self._send)
        self.now = 0.0

    def _send(self, speaker: Engaged, items: Sequence[Item]) -> int:
        self.sent.append((speaker, items))
        return len(self.sent) - 1

    def hand_out(self, after_s: float = 0.0) -> None:
        self.now += after_s
        self.assignments.hand_out(self.speakers, self.now)

    def running(self, speaker: Engaged) -> list[int]:
        """Return the references of what a speaker has not answered, in its order."""
        return [each for each in self.assignments.references if self.assignments.speaker_of(each) is speaker]

    def answer(self, reference: int, spoken: Callable[[Engaged, Item], Answer] | None = None) -> None:
        """Let the speaker of a reference answer; the audio names it."""
        speaker, items = self.sent[reference]
        self.assignments.collect(reference, [(spoken or named)(speaker, item) for item in items], busy_s=1.0)

    def answer_all(self, speaker: Engaged) -> None:
        """Let a speaker answer until it is idle, while the others say nothing."""
        while references := self.running(speaker):
            self.answer(references[0])
            self.hand_out()

    @property
    def texts(self) -> list[tuple[str, list[str]]]:
        """What was sent: the speaker's name, and the texts."""
        return [(speaker.name, [item.planned.line.text for item in items]) for speaker, items in self.sent]


def named(speaker: Engaged, item: Item) -> Answer:
    return Spoken(f"{speaker.name}: {item.planned.line.text}".encode(), 1.0, "af_bella", {})


def items_of(job: Job, texts: Iterable[str]) -> list[Item]:
    return [Item(planned_of(text), job) for text in texts]


def planned_of(text: str) -> PlannedSegment:
    return PlannedSegment(Segment(text, text), False, read_as_written(text), Line(text, "af_bella"), "digest", None)


def audio_of(job: Job) -> list[str]:
    """Return the audio that has arrived at a story."""
    answered = job.take() if job.unwritten else []
    job.note_written(answered)
    return [answer.wav.decode() for _, answer in answered if isinstance(answer, Spoken)]


TEXTS = [letter * 20 for letter in "abcdefgh"]


@pytest.mark.parametrize("first", ["hare", "tortoise"])
def test_last_batches_of_a_slow_node_go_to_others_too_and_the_first_answer_counts(first: str) -> None:
    stage, job = Stage("hare", "tortoise"), Job(0)
    hare, tortoise = stage.speakers
    stage.assignments.add(items_of(job, TEXTS))
    stage.hand_out()
    (slow,) = stage.running(tortoise)
    stage.answer_all(hare)
    before = audio_of(job)
    assert len(before) == len(TEXTS) - len(stage.sent[slow][1])  # the hare made all the rest

    stage.hand_out(after_s=LONG_S)
    (copy,) = stage.running(hare)
    assert stage.sent[copy][1] == stage.sent[slow][1]
    stage.answer({"hare": copy, "tortoise": slow}[first])
    after = audio_of(job)
    assert [line.partition(":")[0] for line in after] == [first] * len(stage.sent[slow][1])
    assert sorted(line.partition(": ")[2] for line in before + after) == TEXTS
    counted = [(speaker.station.segments, speaker.station.audio_s) for speaker in stage.speakers]

    (other,) = stage.assignments.references
    stage.answer(other)
    assert audio_of(job) == []
    assert [(speaker.station.segments, speaker.station.audio_s) for speaker in stage.speakers] == counted
    assert (stage.assignments.references, stage.assignments.open_segments) == ([], 0)


def test_while_something_waits_nothing_goes_to_a_second_speaker() -> None:
    stage, job = Stage("hare", "tortoise"), Job(0)
    stage.assignments.add(items_of(job, TEXTS))
    stage.hand_out()
    stage.hand_out(after_s=LONG_S)
    everything = [text for _, texts in stage.texts for text in texts]
    assert 2 < len(everything) == len({*everything}) < len(TEXTS)


def test_batch_that_is_not_late_stays_with_its_speaker() -> None:
    stage, job = Stage("hare", "tortoise"), Job(0)
    stage.assignments.add(items_of(job, ["x"]))
    stage.hand_out()
    stage.hand_out(after_s=0.5)
    assert stage.texts == [("hare", ["x"])]
    stage.speakers[1].pace = 0.1  # this one would need ten seconds for it
    stage.hand_out(after_s=10)
    assert len(stage.sent) == 1
    stage.hand_out(after_s=10)
    assert stage.texts == [("hare", ["x"]), ("tortoise", ["x"])]


def test_at_most_three_speakers_have_the_same_batch() -> None:
    stage, job = Stage("a", "b", "c", "d", "e"), Job(0)
    stage.assignments.add(items_of(job, ["x"]))
    for _ in range(9):
        stage.hand_out(after_s=LONG_S)
    assert [texts for _, texts in stage.texts] == [["x"]] * 3
    assert len({name for name, _ in stage.texts}) == 3


def test_batch_of_a_lost_speaker_waits_again_unless_another_one_has_it() -> None:
    stage, job = Stage("hare", "tortoise"), Job(0)
    hare, tortoise = stage.speakers
    stage.assignments.add(items_of(job, ["x"]))
    stage.hand_out()
    stage.hand_out(after_s=LONG_S)
    assert stage.texts == [("hare", ["x"]), ("tortoise", ["x"])]
    stage.assignments.take_back(hare)
    stage.speakers = [hare]  # one started in its place
    stage.hand_out()
    assert len(stage.sent) == 2  # the tortoise has it still
    stage.assignments.take_back(tortoise)
    stage.hand_out()
    assert stage.texts[2:] == [("hare", ["x"])]
    stage.answer(2)
    assert audio_of(job) == ["hare: x"]


def test_segment_that_cannot_be_spoken_is_tried_three_times() -> None:
    stage, job = Stage("hare"), Job(0)
    stage.assignments.add(items_of(job, ["x"]))
    for reference in range(3):
        stage.hand_out()
        assert stage.running(stage.speakers[0]) == [reference]
        stage.answer(reference, lambda _speaker, _item: SynthesisError("no audio"))
    ((planned, error),) = job.take()
    assert (planned.line.text, str(error)) == ("x", "no audio")
    assert stage.assignments.open_segments == 0


def test_segment_that_kills_eight_speakers_is_reported() -> None:
    stage, job = Stage("hare"), Job(0)
    stage.assignments.add(items_of(job, ["x"]))
    for _ in range(8):
        stage.hand_out()
        stage.assignments.blame(stage.speakers[0])
        stage.assignments.take_back(stage.speakers[0])
    ((_, error),) = job.take()
    assert "8 speakers of the cluster died" in str(error)
    assert stage.assignments.open_segments == 0


class Scripted:
    """Speaks a story with the built-in voice and two speakers, of which the second one always answers too late."""

    def __init__(self, kokoro: Kokoro) -> None:
        self.kokoro = kokoro
        self.repeated = 0
        """Segments whose audio came a second time."""
        self.sent: list[str] = []
        """Ids of the segments that were sent to speakers."""

    def __call__(self, planned: Iterable[PlannedSegment]) -> Iterator[Answered]:
        """Yield what arrives; see `narration.spoken.Speakers`."""
        stage, job = Stage("hare", "tortoise"), Job(0)
        hare, tortoise = stage.speakers
        items = [Item(each, job) for each in planned]
        stage.assignments.add(items)
        left = len(items)
        while left > 0:
            stage.hand_out(after_s=LONG_S)
            for reference in stage.running(hare):
                stage.answer(reference, self._spoken)
            # What the hare has made again by now, the tortoise gives once more.
            for reference in stage.running(tortoise):
                if all(item.is_done for item in stage.sent[reference][1]):
                    self.repeated += len(stage.sent[reference][1])
                    stage.answer(reference, self._spoken)
            if job.unwritten:
                answered = job.take()
                yield answered
                job.note_written(answered)
                left -= len(answered)
        self.sent += [item.planned.segment.id for _, sent in stage.sent for item in sent]

    def _spoken(self, _speaker: Engaged, item: Item) -> Answer:
        (speech,) = speak_each(self.kokoro, [item.planned.line], 1)
        return answer_of(speech, item.planned.reading, item.planned.line)


def test_nothing_that_was_published_is_made_or_written_twice(tmp_path: Path) -> None:
    story = tmp_path / "story.txt"
    sentences = [f"Number {number}, the lamp is lit." for number in range(12)]
    story.write_text("\n\n".join(sentences))
    kokoro = Kokoro.load(model_path(BUILT_IN, Path()), 1)
    written: dict[str, int] = {}

    def narrate(scripted: Scripted) -> tuple[Outcome, list[str]]:
        new: list[str] = []

        def note(step: Step) -> None:
            if step.new_s:
                assert step.wav
                new.append(step.segment.id)
                written[step.segment.id] = step.wav.stat().st_ino  # each write makes a new file

        task = Task(read_story(story), story, "p", tmp_path, "af_bella", 1.0)
        return Narration(task, kokoro, "digest", scripted).run(note), new

    first = Scripted(kokoro)
    outcome, new = narrate(first)
    assert first.repeated > 0
    assert sorted(new) == sorted(entry.id for entry in outcome.entries)
    assert len(new) == len(set(new)) == len(sentences)
    files = {entry.id: outcome.manifest.parent / entry.path for entry in outcome.entries}
    assert {name: path.stat().st_ino for name, path in files.items()} == written

    again = Scripted(kokoro)
    assert narrate(again)[1] == again.sent == []
    assert {name: path.stat().st_ino for name, path in files.items()} == written

    story.write_text("\n\n".join([*sentences, "One more."]))
    more = Scripted(kokoro)
    _, new = narrate(more)
    assert len(new) == len({*more.sent}) == 1
