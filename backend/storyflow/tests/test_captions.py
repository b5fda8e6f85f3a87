"""Captions: limits, times and text, read back by parsers that are not ours."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterable
from itertools import accumulate, cycle, pairwise
from pathlib import Path
from typing import Any

import pylrc
import pysubs2
import pytest
import soundfile
import webvtt
from hypothesis import given, settings
from hypothesis import strategies as st

from core_engine.kokoro.speech.timings import TimedPassage
from storyflow.captions.cues import LONGEST_S, Cue, cues_of, text_of
from storyflow.captions.files import CaptionsError, check_times, one_after_another, spoken_segments, write_captions
from storyflow.captions.formats import FORMATS, lrc, srt, vtt
from storyflow.captions.units import LINE, Spoken, units_of
from storyflow.narration.record import RECORD_NAME, Entry, Record, read_record
from storyflow.stories.story import read_story
from storyflow.tests.test_narrate_command import run

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "the-red-headed-league.md"
_WORD = re.compile(r"[^\W_]+(?:['’.][^\W_]+)*")


def spoken(text: str, start: float = 0.0, word_s: float = 0.3, pause_s: float = 0.0) -> Spoken:
    """Return a text in which every word takes `word_s`, with a pause before each."""
    words = [
        TimedPassage(match.group(), (number + 1) * pause_s + number * word_s, (number + 1) * (pause_s + word_s), *span)
        for number, match in enumerate(_WORD.finditer(text))
        for span in [match.span()]
    ]
    return Spoken(text, words, start)


def told(cues: Iterable[Cue]) -> list[tuple[int, int, str]]:
    return [(cue.start_ms, cue.end_ms, "\n".join(cue.texts)) for cue in cues]


def check_limits(cues: list[Cue]) -> None:
    for cue in cues:
        assert 1 <= len(cue.lines) <= 2
        assert all(0 < len(text) <= LINE for text in cue.texts), cue.texts
        assert all(text == text.strip() for text in cue.texts)
        assert 0 <= cue.end_ms - cue.start_ms <= LONGEST_S * 1000
    for before, after in pairwise(cues):
        assert before.end_ms <= after.start_ms


class TestCues:
    def test_example_story_keeps_all_limits_and_every_character(self) -> None:
        segments = read_story(EXAMPLE).segments
        story = [spoken(segment.text, start=60.0 * number) for number, segment in enumerate(segments)]
        cues = list(cues_of(story))
        check_limits(cues)
        shown = "".join(text for cue in cues for text in cue.texts)
        assert squeezed(shown) == squeezed("".join(segment.text for segment in segments if segment.kind != "break"))
        cut = sum(cue.texts[-1][-1].isalpha() for cue in cues)
        assert cut < 0.25 * len(cues), f"{cut} of {len(cues)} cues end within a clause"

    def test_cue_is_cut_behind_a_sentence_rather_than_a_clause(self) -> None:
        text = "He opened the old door, and went in. Nobody saw him, as far as anyone could tell."
        cues = list(cues_of([spoken(text)]))
        assert [" ".join(cue.texts) for cue in cues] == [
            "He opened the old door, and went in.",
            "Nobody saw him, as far as anyone could tell.",
        ]

    def test_line_ends_behind_a_clause_if_both_are_long_enough(self) -> None:
        (cue,) = cues_of([spoken("When the rain had stopped, the keeper climbed the stairs")])
        assert cue.texts == ("When the rain had stopped,", "the keeper climbed the stairs")

    def test_cue_is_at_most_seven_seconds(self) -> None:
        cues = list(cues_of([spoken("one two three four five six seven eight", word_s=2.0)]))
        check_limits(cues)
        assert len(cues) == 3
        (slow,) = cues_of([spoken("slow", word_s=30.0)])
        assert slow.end_ms - slow.start_ms == 7000

    def test_short_cue_stays_a_second_if_nothing_follows(self) -> None:
        (cue,) = cues_of([spoken("No!", word_s=0.2)])
        assert (cue.start_ms, cue.end_ms) == (0, 1000)
        first, second = cues_of([spoken("No!", word_s=0.2), spoken("Yes.", start=0.5)])
        assert (first.end_ms, second.start_ms) == (500, 500)

    def test_word_longer_than_a_line_is_cut_where_the_line_ends(self) -> None:
        cues = list(cues_of([spoken("See " + "x" * 100 + " there.")]))
        check_limits(cues)
        assert squeezed("".join(text for cue in cues for text in cue.texts)) == squeezed("See " + "x" * 100 + " there.")

    def test_segment_without_a_spoken_word_has_no_cue(self) -> None:
        (cue,) = cues_of([Spoken("* * *", (), 0.0), spoken("Yes.", start=2.0)])
        assert cue.texts == ("Yes.",)

    def test_opening_mark_that_only_marks_follow_is_shown_once(self) -> None:
        (cue,) = cues_of([spoken("He said “’ — and left.")])
        assert squeezed("".join(cue.texts)) == squeezed("He said “’ — and left.")

    def test_opening_mark_at_the_end_is_kept(self) -> None:
        (cue,) = cues_of([spoken("He said “")])
        assert cue.texts == ("He said “",)

    @settings(max_examples=60, deadline=None)
    @given(st.data())
    def test_any_text_keeps_all_limits_and_every_character(self, data: Any) -> None:
        word = st.text("abcdé’", min_size=1, max_size=12) | st.text("abc", min_size=40, max_size=90)
        mark = st.sampled_from(["", "", "", ",", ".", "!”", "…", ";", "—", " —", "?"])
        before = st.sampled_from(["", "", "", "“", "(", "— "])
        pieces = data.draw(st.lists(st.tuples(before, word, mark), min_size=1, max_size=40))
        text = " ".join("".join(piece) for piece in pieces)
        lengths = data.draw(st.lists(st.sampled_from([0.0, 0.1, 0.4, 2.5]), min_size=1, max_size=9))
        ends = list(accumulate(length for length, _ in zip(cycle(lengths), range(200), strict=False)))
        spans = [match.span() for match in _WORD.finditer(text)]
        words = [
            TimedPassage(text[a:b], begin, end, a, b)
            for (a, b), begin, end in zip(spans, [0.0, *ends], ends, strict=False)
        ]
        cues = list(cues_of([Spoken(text, words, 1.5), spoken("Then this.", start=1.5 + ends[len(words)])]))
        check_limits(cues)
        if words:
            shown = "".join(part for cue in cues[:-1] for part in cue.texts)
            assert squeezed(shown) == squeezed(text)
        lines = " ".join(part for cue in cues for part in cue.texts).split()
        assert all(len(part) <= LINE or part not in text.split() for part in lines)


class TestUnits:
    def test_marks_stay_with_their_words(self) -> None:
        units = units_of(spoken("“Yes,” he said — (softly) … “no.” * *"))
        assert [unit.text for unit in units] == ["“Yes,”", "he", "said —", "(softly) …", "“no.” * *"]

    def test_dash_between_words_is_a_place_to_cut(self) -> None:
        units = units_of(spoken("rain—and wind"))
        assert [(unit.text, unit.follows_space) for unit in units] == [("rain—", False), ("and", False), ("wind", True)]
        assert text_of(units) == "rain—and wind"

    def test_written_form_with_a_space_is_never_cut(self) -> None:
        text = "He paid $5 million there."
        words = [TimedPassage("", n, n + 1, a, b) for n, (a, b) in enumerate([(0, 2), (3, 7), (8, 18), (19, 24)])]
        assert [unit.text for unit in units_of(Spoken(text, words, 0.0))] == ["He", "paid", "$5 million", "there."]

    def test_chinese_and_japanese_are_cut_between_characters(self) -> None:
        text = "「行こう。」と彼は言った。" * 9
        words = [
            TimedPassage(found.group(), n * 0.2, n * 0.2 + 0.2, *found.span())
            for n, found in enumerate(re.finditer(r"\w", text))
        ]
        cues = list(cues_of([Spoken(text, words, 0.0)], "ja"))
        check_limits(cues)
        assert "".join(part for cue in cues for part in cue.texts) == text
        assert all(part.endswith("。") for cue in cues for part in cue.texts[-1:])

    def test_times_are_those_of_the_whole_audio(self) -> None:
        one, two = units_of(spoken("One two.", start=100.0))
        assert (one.start, one.end, two.start) == (100.0, 100.3, 100.3)


class TestFormats:
    CUES = tuple(
        cues_of(
            [
                spoken("“Fish & chips,” he said — 2 < 3 > 1, --> and that was all there was to be said.", pause_s=0.1),
                spoken("At the end of a very long day.", start=35_999.5),
                spoken("[Aside] And later still.", start=362_000.25),
            ]
        )
    )

    def test_subrip_is_read_by_pysubs2(self) -> None:
        read = pysubs2.SSAFile.from_string("".join(srt(self.CUES)), format_="srt", keep_unknown_html_tags=True)
        # pysubs2 limits SubRip to 100 hours.
        shown = [(line.start, line.end, line.text.replace("\\N", "\n")) for line in read]
        assert shown[:-1] == told(self.CUES)[:-1]

    def test_webvtt_is_read_by_pysubs2_and_webvtt_py(self) -> None:
        text = "".join(vtt(self.CUES))
        read = webvtt.from_string(text)
        shown = [(ms(cue.start), ms(cue.end), unescaped(cue.text)) for cue in read.captions]
        assert shown == told(self.CUES)
        times = [(line.start, line.end) for line in pysubs2.SSAFile.from_string(text, format_="vtt")]
        assert times == [(cue.start_ms, cue.end_ms) for cue in self.CUES]

    def test_webvtt_has_a_time_before_every_word_but_the_first(self) -> None:
        (cue,) = cues_of([spoken("One, two—three, and four more of them", start=61.0)])
        payload = "".join(vtt([cue])).split("\n", 3)[3].strip()
        assert payload.startswith("One, <00:01:01.300>two—<00:01:01.600>three, <00:01:01.900>and ")
        stamps = [ms(stamp) for stamp in re.findall(r"<([\d:.]+)>", payload)]
        assert stamps == sorted(set(stamps))
        assert cue.start_ms < stamps[0]
        assert stamps[-1] < cue.end_ms
        assert re.sub(r"<[\d:.]+>", "", payload).replace("\n", " ") == "One, two—three, and four more of them"

    def test_lyrics_are_read_by_pylrc(self) -> None:
        within_an_hour = [cue for cue in self.CUES if cue.start_ms < 3_600_000]  # pylrc reads no more
        cues = [*within_an_hour, *cues_of([spoken("After nearly an hour.", start=3590.07)])]
        read = [line for line in pylrc.parse("".join(lrc(cues))) if line.text]
        assert [line.text for line in read] == [" ".join(cue.texts) for cue in cues]
        for line, cue in zip(read, cues, strict=True):
            assert line.time == pytest.approx(cue.start_ms / 1000, abs=0.011)

    def test_lyrics_are_empty_where_nothing_is_spoken_and_at_the_end(self) -> None:
        cues = cues_of([spoken("One."), spoken("Two.", start=10.0)])
        assert list(lrc(cues)) == ["[00:00.00]One.\n", "[00:01.00]\n", "[00:10.00]Two.\n", "[00:11.00]\n"]

    @pytest.mark.skipif(not shutil.which("ffprobe"), reason="needs ffprobe")
    @pytest.mark.parametrize("kind", ["srt", "vtt"])
    def test_ffprobe_finds_every_cue(self, kind: str, tmp_path: Path) -> None:
        path = tmp_path / f"captions.{kind}"
        path.write_text("".join(FORMATS[kind](self.CUES[:-1])), encoding="utf-8")
        command = ["ffprobe", "-v", "error", "-show_packets", "-of", "json", str(path)]
        packets = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["packets"]
        found = [(round(1000 * float(p["pts_time"])), round(1000 * float(p["duration_time"]))) for p in packets]
        assert found == [(cue.start_ms, cue.end_ms - cue.start_ms) for cue in self.CUES[:-1]]


class TestProject:
    def test_starts_are_exact_to_the_sample_over_hours(self) -> None:
        sizes = [24_000 * 31 + number * 7919 % 24_000 for number in range(2000)]
        entries = [Entry(str(n), "", "", size / 24_000, "", "", 0) for n, size in enumerate(sizes)]
        starts = one_after_another(entries)
        assert starts[-1] > 16 * 3600
        assert [start * 24_000 for start in starts] == pytest.approx([0, *accumulate(sizes[:-1])], abs=1e-3)
        assert one_after_another([]) == []

    def test_narrate_writes_captions_that_fit_the_wavs(self, tmp_path: Path) -> None:
        story = tmp_path / "My Story.md"
        text = "# The End\n\nDr. Watson paid $5, and left. It rained.\n\n* * *\n\n“Who's there?” Nobody answered.\n"
        story.write_text(text)
        asked = [word for kind in FORMATS for word in ("--captions", kind)]
        done = run("narrate", story, "--model", "default", *asked)
        folder = tmp_path / "media" / "projects" / "my-story"
        paths = [folder / f"captions.{kind}" for kind in FORMATS]
        assert done.stdout.splitlines()[-3:] == [f"Captions: {path}" for path in paths]
        read = pysubs2.load(str(paths[0]))
        shown = " ".join(line.text.replace("\\N", " ") for line in read)
        assert shown == "The End Dr. Watson paid $5, and left. It rained. “Who's there?” Nobody answered."
        wavs = [folder / entry["path"] for entry in json.loads((folder / RECORD_NAME).read_text())["segments"]]
        whole = [sample for wav in wavs for sample in soundfile.read(wav)[0]]
        (last,) = (line for line in read if "Who's" in line.text)
        before_last = sum(soundfile.info(wav).frames for wav in wavs[:3]) / 24
        assert last.start == pytest.approx(before_last + 50, abs=20)  # 50 ms of silence lead every WAV
        onset = next(n for n in range(round(before_last * 24), len(whole)) if abs(whole[n]) > 0.02)
        assert last.start == pytest.approx(onset / 24, abs=20)

    def test_captions_that_are_there_are_brought_up_to_date(self, story: Path, tmp_path: Path) -> None:
        run("narrate", story, "--model", "default", "--captions", "lrc")
        story.write_text("Something new.\n\nThe second one.\n")
        run("narrate", story, "--model", "default")
        lines = (tmp_path / "media/projects/my-story/captions.lrc").read_text().splitlines()
        assert [line.partition("]")[2] for line in lines] == ["Something new.", "The second one.", ""]

    def test_captions_make_segments_without_times_again(self, story: Path, tmp_path: Path) -> None:
        run("narrate", story, "--model", "default")
        folder = tmp_path / "media" / "projects" / "my-story"
        (folder / "timings.json").unlink()
        record = read_record(folder / RECORD_NAME)
        assert record
        with pytest.raises(CaptionsError, match=f"3 of 3 segments.*storyflow narrate .*{story.name}.*--captions srt"):
            spoken_segments(check_times(folder, record), record, one_after_another(record.segments))
        answer = json.loads(run("narrate", story, "--model", "default", "--captions", "srt", "--json").stdout)
        assert len(answer["made"]) == 3
        assert answer["captions"] == [str(folder / "captions.srt")]

    def test_captions_of_one_file_start_where_its_segments_start(self, story: Path, tmp_path: Path) -> None:
        run("narrate", story, "--model", "default")
        folder = tmp_path / "media" / "projects" / "my-story"
        record = read_record(folder / RECORD_NAME)
        assert isinstance(record, Record)
        write_captions(
            tmp_path / "Book.SRT", spoken_segments(check_times(folder, record), record, [10.0, 20.5, 3600.0])
        )
        starts = [line.start for line in pysubs2.load(str(tmp_path / "Book.SRT"), format_="srt")]
        assert starts == pytest.approx([10_050, 20_550, 3_600_050], abs=20)


def squeezed(text: str) -> str:
    return "".join(text.split())


def unescaped(text: str) -> str:
    plain = re.sub(r"<[\d:.]+>", "", text)
    return plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def ms(clock: str) -> int:
    hours, minutes, seconds = clock.split(":")
    return round(1000 * (int(hours) * 3600 + int(minutes) * 60 + float(seconds)))
