"""Who speaks: front matter, the cast, quotation marks, and pauses."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storyflow.stories.cast import Cast, Member
from storyflow.stories.errors import StoryError
from storyflow.stories.front_matter import FrontMatterError, split_front_matter
from storyflow.stories.pauses import Part, PauseError, cut_at_pauses
from storyflow.stories.quotations import is_speech, quotations, singles_quote
from storyflow.stories.story import read_story
from storyflow.tests.support import storyflow

HEAD = "---\ncast: {Narrator: bm_george, Holmes: am_adam, Dr. Watson: bf_emma}\n---\n"

Write = Callable[[str, str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def file(name: str, content: str) -> Path:
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        return path

    return file


def said(path: Path, dialogue: str | None = None) -> list[tuple[str | None, str]]:
    """Return who says what."""
    return [(segment.speaker, segment.text) for segment in read_story(path, dialogue).segments]


def stretches(text: str, singles: bool = False) -> list[str]:
    """Return what is spoken in quotation marks."""
    return [text[each.start : each.end] for each in quotations(text, singles) if is_speech(text, each)]


@pytest.mark.parametrize("name", ["a.md", "a.txt"])
@pytest.mark.parametrize(
    "cast",
    ["cast: {Narrator: bm_george, Holmes: am_adam}", "cast:\n  narrator: bm_george\n  Holmes: am_adam # the detective"],
    ids=["flow", "block"],
)
def test_front_matter_in_both_styles_is_used_and_not_read(write: Write, name: str, cast: str) -> None:
    text = f"---\ntitle: 'The: Visit'\nauthor: [A. Doyle, B]\nlanguage: no\nspeed: 1.25\n{cast}\n---\n\nHello.\n"
    story = read_story(write(name, text))
    assert (story.title, story.author, story.language) == ("The: Visit", "A. Doyle, B", "no")
    assert (story.front.voice, story.front.speed) == ("bm_george", 1.25)
    assert [member.line for member in story.front.cast.members] == ([6, 6] if "{" in cast else [7, 8])
    assert [segment.text for segment in story.segments] == ["Hello."]


@pytest.mark.parametrize(
    "text",
    [
        "---\n\nIt was night.\n\n---\n\nAnd day.",
        "---\nIt was night: dark.\n---\nAnd day.",
        "---\nNote: it was night.\n---\nAnd day.",
        "--- It was night. ---",
        "---",
        "----\ntitle: x\n----",
    ],
)
def test_scene_break_at_the_top_is_no_front_matter(text: str) -> None:
    front, body = split_front_matter(text)
    assert (front.title, body) == (None, text)


@pytest.mark.parametrize("name", ["a.md", "a.txt"])
def test_scene_break_at_the_top_is_heard(write: Write, name: str) -> None:
    path = write(name, "---\n\nIt was night.\n\n---\n\nAnd day.\n")
    assert [segment.text for segment in read_story(path).segments] == ["* * *", "It was night.", "* * *", "And day."]


@pytest.mark.parametrize(
    ("head", "says"),
    [
        ("title: x", "does not end"),
        ("title: [x\n---", "line 2"),
        ("title: x\ncast: Holmes\n---", "cast in line 3"),
        ("cast:\n  Holmes: am_adam\n  holmes : bm_george\n---", "'holmes' twice in the cast: in lines 3 and 4"),
        ("cast:\n  Holmes: am_adam\n  Watson:\n---", "without name or voice in line 4"),
        ("cast:\n  Holmes: {a: b}\n---", "'cast' in line 3"),
        ("language: English, mostly\n---", "'language' in line 2"),
        ("title: x\nspeed: fast\n---", "'speed' in line 3"),
        ("speed: 9\n---", "0.5 to 2"),
        ("speed: nan\n---", "0.5 to 2"),
        ("title: {a: b}\n---", "'title' in line 2"),
        ("title: x\n\tcast: y\n---", "line 3"),
        ("cast: " + "[" * 5000 + "\n---", "not valid YAML"),
    ],
)
@pytest.mark.parametrize("name", ["a.md", "a.txt"])
def test_wrong_front_matter_names_the_line(write: Write, name: str, head: str, says: str) -> None:
    with pytest.raises(StoryError, match=says):
        read_story(write(name, f"---\n{head}\n\nHello.\n"))


def test_yaml_aliases_do_not_grow() -> None:
    levels = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 30))
    front, body = split_front_matter(f"---\nl0: &l0 [x]\n{levels}\ntitle: x\n---\nHello.")
    assert (front.title, body.strip()) == ("x", "Hello.")


def test_front_matter_of_other_programs_is_not_read(write: Write) -> None:
    path = write("a.md", "---\nlayout: post\ntags: [a, b]\ndraft: true\n---\n\nHello.\n")
    assert said(path) == [(None, "Hello.")]


@given(st.text(max_size=80))
def test_any_front_matter_is_used_or_refused(text: str) -> None:
    try:
        front, body = split_front_matter(f"---\ntitle: x\n{text}\n---\nHello.")
    except FrontMatterError:
        return
    assert front.title is not None
    assert body.endswith("Hello.")


SCRIPT = """Holmes: "Come in,
my dear fellow."
 dr.   WATSON :  "Thank you."

The door closed. Note: Holmes: nobody.

Note: this is text.

HOLMES:

Sit down.

Narrator: He sat.
"""


@pytest.mark.parametrize("name", ["a.md", "a.txt"])
def test_lines_of_the_cast_are_spoken_by_their_voices(write: Write, name: str) -> None:
    path = write(name, HEAD + SCRIPT)
    assert said(path) == [
        ("Holmes", '"Come in, my dear fellow."'),
        ("Dr. Watson", '"Thank you."'),
        (None, "The door closed. Note: Holmes: nobody."),
        (None, "Note: this is text."),
        ("Holmes", "Sit down."),
        (None, "He sat."),
    ]
    voices = [segment.voice for segment in read_story(path).segments]
    assert voices == ["am_adam", "bf_emma", None, None, "am_adam", None]


def test_name_that_nothing_follows_is_read_by_the_narrator(write: Write) -> None:
    path = write("a.md", f"{HEAD}Holmes:\n\n***\n\nHolmes:\n\nDr. Watson:\n\nYes.\n\nHolmes:\n\n# Two\n\nHolmes:\n")
    assert said(path) == [
        (None, "Holmes:"),
        (None, "* * *"),
        (None, "Holmes:"),
        ("Dr. Watson", "Yes."),
        (None, "Holmes:"),
        (None, "Two"),
        (None, "Holmes:"),
    ]


@pytest.mark.parametrize("name", ["Holmes:\n\n[pause 2s]", "Holmes: [pause 2s]"])
def test_pause_may_stand_between_a_name_and_what_is_said(write: Write, name: str) -> None:
    first, second = read_story(write("a.md", f"{HEAD}Start.\n\n{name}\n\nYes.\n")).segments
    assert (first.text, first.pause_after) == ("Start.", 2)
    assert (second.speaker, second.text) == ("Holmes", "Yes.")
    assert said(write("b.md", f"{HEAD}Start.\n\n{name}\n")) == [(None, "Start."), (None, "Holmes:")]


def test_lines_in_capitals_and_wrapped_text_are_cut_at_names(write: Write) -> None:
    wrapped = (
        "HOLMES: I have been waiting for you the whole of this long and rainy afternoon, and\n"
        "I am glad that you have found the time to come, although the weather is as bad as—\n"
        "HOLMES: NEVER!\n\n"
        "# Holmes: the title\n"
    )
    assert said(write("a.txt", HEAD + wrapped))[:2] == [
        (
            "Holmes",
            "I have been waiting for you the whole of this long and rainy afternoon, and I am glad that you have found "
            "the time to come, although the weather is as bad as—",
        ),
        ("Holmes", "NEVER!"),
    ]
    assert said(write("a.md", HEAD + wrapped))[-1] == (None, "Holmes: the title")


@pytest.mark.parametrize("line", ["**Holmes:** Yes.", "_Holmes_: Yes.", "*Holmes:* Yes.", "Holmes： Yes."])
@pytest.mark.parametrize("name", ["a.md", "a.txt"])
def test_names_may_be_emphasised(write: Write, name: str, line: str) -> None:
    assert said(write(name, f"{HEAD}{line}\n")) == [("Holmes", "Yes.")]


def test_longest_name_wins() -> None:
    cast = Cast((Member("Holmes", "a", 1), Member("Holmes Senior", "b", 2)))
    found = cast.line("holmes  senior: Yes.")
    assert found
    assert (found[0].name, found[1]) == ("Holmes Senior", "Yes.")


@pytest.mark.parametrize(
    ("text", "speech"),
    [
        ("“Come in,” he said. “Sit down.”", ["“Come in,”", "“Sit down.”"]),
        ('"Come in," he said. "Sit down."', ['"Come in,"', '"Sit down."']),
        ("“She said ‘no’ to me,” he said.", ["“She said ‘no’ to me,”"]),
        ('"She said “no” to me," he said.', ['"She said “no” to me,"']),
        ("The so-called “expert” said “go.”", ["“go.”"]),
        ("“One. And no end", ["“One. And no end"]),
        ("„Hallo“, sagte er. „Ja.“", ["„Hallo“", "„Ja.“"]),
        ("»Hallo«, sagte er. »Ja.«", ["»Hallo«", "»Ja.«"]),
        ("« Bonjour », dit-il. «Oui.»", ["« Bonjour »", "«Oui.»"]),
        ("”Hej”, sa han.", ["”Hej”"]),
        ("彼は「はい」と言った。", ["「はい」"]),
        ('The 5\'10" man and the 6" nail.', []),
        ("‘No,’ he said, ‘it’s the boys’ hats.’", []),
        ("“I—” “No!”", ["“I—”", "“No!”"]),
    ],
)
def test_what_stands_in_quotation_marks_is_speech(text: str, speech: list[str]) -> None:
    assert stretches(text) == speech


@pytest.mark.parametrize(
    ("text", "speech"),
    [
        ("‘Come in,’ he said. ‘The boys’ hats aren’t here.’", ["‘Come in,’", "‘The boys’ hats aren’t here.’"]),
        ("'Come in,' he said, 'and don't touch it.'", ["'Come in,'", "'and don't touch it.'"]),
        ("‘Yes’ said he. ‘No.’", ["‘Yes’", "‘No.’"]),
        ("‘The boys’ hats are here’ said he.", ["‘The boys’ hats are here’"]),
        (
            "‘He called it “odd” and said “Go!”, didn’t he?’ she asked.",
            ["‘He called it “odd” and said “Go!”, didn’t he?’"],
        ),
        ("The ’90s and ’tis the dogs’ life; ‘tis so. ‘Now!’ he cried.", ["‘Now!’"]),
        ("He wrote: 'Rock 'n' roll is dead.' Then he left.", ["'Rock 'n' roll is dead.'"]),
        ("‘One. And no end", ["‘One. And no end"]),
        ("'Twas the sailors' night, an' cold.", []),
        ("He’s the boys’ friend.", []),
    ],
)
def test_single_marks_are_told_from_apostrophes(text: str, speech: list[str]) -> None:
    assert stretches(text, singles=True) == speech


def test_single_marks_quote_only_where_a_story_quotes_with_them() -> None:
    assert singles_quote(["‘Yes,’ he said.", "‘No,’ she said.", "The “Red Lion”, he said."])
    assert not singles_quote(["“Yes,” he said.", "It was ‘Yes’ or ‘No’.", "“No ‘maybe’,” he said."])
    assert not singles_quote(["'Tis the boys' hats.", "It's cold."])


@given(
    st.lists(st.sampled_from(["“", "”", '"', "‘", "’", "'", "«", "»", "a", "Ab.", ", ", " ", "—", "s"]), max_size=30)
)
def test_quotations_follow_each_other_within_the_text(parts: list[str]) -> None:
    text = "".join(parts)
    position = 0
    for each in quotations(text, singles=True, continued="“"):
        assert position <= each.start < each.end <= len(text)
        position = each.end


def test_paragraph_becomes_a_segment_per_stretch(write: Write) -> None:
    text = "“Come in”, he said. “Sit down.” He did so…\n\nNobody spoke.\n"
    segments = read_story(write("a.txt", text), "bf_emma").segments
    assert [(segment.voice, segment.text, segment.pause_after) for segment in segments] == [
        ("bf_emma", "“Come in”,", 0.05),
        (None, "he said.", 0.2),
        ("bf_emma", "“Sit down.”", 0.2),
        (None, "He did so…", None),
        (None, "Nobody spoke.", None),
    ]
    assert [segment.text for segment in read_story(write("a.txt", text)).segments] == text.strip().split("\n\n")


def test_quotation_goes_on_over_paragraphs(write: Write) -> None:
    text = "He said: “One.\n\n“Two.\n\n“Three.” Then he left.\n\nAnd: “Four.\n\nFive,” he said.\n\nSix.\n"
    assert [text for speaker, text in said(write("a.txt", text), "bf_emma") if speaker == "Dialogue"] == [
        "“One.",
        "“Two.",
        "“Three.”",
        "“Four.",
        "Five,”",
    ]


def test_cast_headings_and_segments_with_a_voice_are_not_cut(write: Write) -> None:
    path = write("a.md", f"{HEAD}# A “Title.”\n\nHolmes: “Yes,” he said.\n")
    assert said(path, "bf_emma") == [(None, "A “Title.”"), ("Holmes", "“Yes,” he said.")]
    segments = [{"text_content": "“Yes,” he said.", "id": "s"}, {"text_content": "“Yes,” he said.", "voice_id": "x"}]
    assert len(read_story(write("a.json", json.dumps({"segments": segments})), "bf_emma").segments) == 2


def test_ids_of_stretches_outlive_changes_elsewhere(write: Write) -> None:
    before = read_story(write("a.txt", "“Come in,” he said. “Sit.”\n"), "bf_emma").segments
    after = read_story(write("a.txt", "“No.” New.\n\n“Come in,” he said. “Sit.”\n\n“Sit.”\n"), "bf_emma").segments
    assert [segment.id for segment in before] == [segment.id for segment in after[2:5]]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. [pause 1.5s] Two.", [Part("One.", 1.5), Part("Two.")]),
        ("One. [pause 500ms]", [Part("One.", 0.5)]),
        ("One. [Pause: 2 seconds][pause 1 sec] Two.", [Part("One.", 3.0), Part("Two.")]),
        ("One, [pause .5]two", [Part("One,", 0.5), Part("two")]),
        ("One. [pause 1,5 s] …", [Part("One. …", 1.5)]),
        ("[pause 2s] One.", [Part("", 2.0), Part("One.")]),
        ("One. [Pause.] Two.", [Part("One.", 1.0), Part("Two.")]),
        ("One. [pause for effect] Two.", [Part("One. [pause for effect] Two.")]),
        ("[paused 1s]", [Part("[paused 1s]")]),
        ("", []),
    ],
)
def test_pauses_cut_the_text_before_them(text: str, parts: list[Part]) -> None:
    assert cut_at_pauses(text) == parts


@pytest.mark.parametrize(
    "tag", ["[pause x]", "[pause -1s]", "[pause 2 x]", "[pause 61s]", "[pause 1e9s]", "[pause 1.5.2s]"]
)
@pytest.mark.parametrize("name", ["a.md", "a.txt", "a.html"])
def test_wrong_pause_names_the_line(write: Write, name: str, tag: str) -> None:
    with pytest.raises(PauseError):
        cut_at_pauses(tag)
    with pytest.raises(StoryError, match=r"line 5, has '\[pause.*500ms"):
        read_story(write(name, f"---\ntitle: x\n---\n\nOne. {tag}\n"))


def test_pause_between_paragraphs_belongs_to_the_one_before(write: Write) -> None:
    text = "[pause 9s]\n\nOne. [pause 1s] Two.\n\n[pause 500ms]\n\n[pause 2s] Three.\n"
    segments = read_story(write("a.txt", text)).segments
    assert [(each.text, each.pause_after) for each in segments] == [("One.", 1.0), ("Two.", 2.5), ("Three.", None)]


def test_title_has_no_pauses(write: Write) -> None:
    story = read_story(write("a.md", "# One [pause 1s] Two\n\nThree.\n"))
    assert (story.title, [each.pause_after for each in story.segments]) == ("One Two", [1.0, None, None])


def test_pause_within_a_quotation_leaves_both_parts_to_its_voice(write: Write) -> None:
    path = write("a.txt", "“One. [pause 1s] Two,” [pause 2s] he said.\n")
    segments = read_story(path, "bf_emma").segments
    assert [(each.text, each.voice, each.pause_after) for each in segments] == [
        ("“One.", "bf_emma", 1.0),
        ("Two,”", "bf_emma", 2.05),
        ("he said.", None, None),
    ]


def test_json_segments_say_what_follows_them(write: Write) -> None:
    segments = [{"text_content": "One.", "id": "a", "pause_after": 2}, {"text_content": "Two. [pause 1s]", "id": "b"}]
    read = read_story(write("a.json", json.dumps({"segments": segments}))).segments
    assert [(each.id, each.text, each.pause_after) for each in read] == [("a", "One.", 2.0), ("b", "Two.", 1.0)]


@pytest.mark.parametrize("value", [-1, 61, "1s", True, float("nan")])
def test_wrong_pause_in_json_names_the_segment(write: Write, value: object) -> None:
    segments = [{"text_content": "One."}, {"text_content": "Two.", "pause_after": value}]
    with pytest.raises(StoryError, match=r"pause_after.*segment 2.*0 to 60"):
        read_story(write("a.json", json.dumps({"segments": segments})))


def test_pause_within_a_segment_with_an_id_is_refused(write: Write) -> None:
    segments = [{"text_content": "One. [pause 1s] Two.", "id": "s1"}]
    with pytest.raises(StoryError, match="'s1'"):
        read_story(write("a.json", json.dumps({"segments": segments})))


def test_cast_lists_who_speaks_how_much(write: Write) -> None:
    path = write("a.txt", f"{HEAD}{SCRIPT}\n“No,” he said.\n")
    table = storyflow("cast", path, "--dialogue", "af_sky")
    rows = [line.split() for line in table.stdout.splitlines()[2:]]
    assert [row[0] for row in rows] == ["Narrator", "Holmes", "Dr.", "Dialogue"]
    assert rows[1][1:4] == ["am_adam", "2", "7"]
    listed = json.loads(storyflow("cast", path, "--dialogue", "af_sky", "--json").stdout)
    assert listed["cast"][3] == {"name": "Dialogue", "voice": "af_sky", "segments": 1, "words": 1, "minutes": 1 / 180}
    assert [share["words"] for share in listed["cast"]] == [14, 7, 2, 1]


def test_cast_names_voices_that_the_model_lacks(write: Write) -> None:
    path = write("a.txt", "---\ncast: {Ann: af_belle, Tom: am_adam}\n---\nAnn: No.\n\nTom: Yes.\n")
    shown = storyflow("cast", path, "--model", "default")
    assert shown.returncode == 0
    assert "Warning: Ann: The voice 'af_belle' is not installed. Did you mean af_bella" in shown.stderr
    assert "Tom" not in shown.stderr
    listed = json.loads(storyflow("cast", path, "--model", "default", "--json").stdout)
    assert [warning.partition(":")[0] for warning in listed["warnings"]] == ["Ann"]


def test_cast_of_a_wrong_story_says_why(write: Write) -> None:
    done = storyflow("cast", write("a.txt", "---\ntitle: x\ncast: y\n---\nHello."), "--json")
    assert done.returncode == 3
    assert "line 3" in json.loads(done.stdout)["error"]
