"""Story files become segments: what is spoken, what is not, and ids that outlive changes elsewhere."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from storyflow.stories.errors import StoryError
from storyflow.stories.segments import LONGEST
from storyflow.stories.story import read_story

MARKDOWN = """---
title: not spoken
---
# The *Title*

Some **bold**, a [link](http://x.example), `code` and ~~gone~~.
Next line.

- one
- two

> quoted

```
not spoken
```

<div>no</div>

![alt](i.png)

***

| a | b |
|---|---|
| c | d |
"""


def texts(path: Path) -> Any:
    return [segment.text for segment in read_story(path).segments]


@pytest.fixture
def story(tmp_path: Path) -> Callable[..., Path]:
    def write(name: str, content: bytes) -> Any:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_text_paragraphs_are_segments_and_wrapped_lines_are_joined(story: Callable[..., Path]) -> None:
    path = story("a.txt", "One line\nand its rest.\n\n  \n\nTwo.\r\n\r\nThree.")
    assert texts(path) == ["One line and its rest.", "Two.", "Three."]


def test_scene_breaks_are_segments_of_their_own(story: Callable[..., Path]) -> None:
    assert texts(story("a.txt", "One.\n\n* * *\n\n…?\n\nTwo.")) == ["One.", "* * *", "…?", "Two."]
    assert texts(story("a.md", "One.\n\n* * *\n\nTwo.\n\n---\n\nThree.")) == [
        "One.",
        "* * *",
        "Two.",
        "* * *",
        "Three.",
    ]


@pytest.mark.parametrize(
    "content",
    [
        "Café.".encode(),
        "Café.".encode("utf-32"),
        b"\xef\xbb\xbf" + "Café.".encode(),
        "Café.".encode("utf-16"),
        "Café.".encode("utf-16-le"),
        "Café.".encode("utf-16-be"),
        "Café.".encode("cp1252"),
    ],
    ids=["utf-8", "utf-32", "utf-8 with mark", "utf-16", "utf-16-le", "utf-16-be", "cp1252"],
)
def test_text_encodings_people_have(story: Callable[..., Path], content: bytes) -> None:
    assert texts(story("a.txt", content)) == ["Café."]


def test_markdown_signs_are_not_spoken(story: Callable[..., Path]) -> None:
    path = story("a.md", MARKDOWN)
    assert texts(path) == [
        "The Title",
        "Some bold, a link, code and gone. Next line.",
        "one",
        "two",
        "quoted",
        "* * *",
        "a, b. c, d.",
    ]


def test_json_gives_title_texts_and_ids(story: Callable[..., Path]) -> None:
    document = {"title": "T", "segments": [{"text_content": "One.", "id": "s1"}, {"text_content": "Two.", "id": 7}]}
    read = read_story(story("a.json", json.dumps(document)))
    assert read.title == "T"
    assert [(segment.id, segment.text) for segment in read.segments] == [("s1", "One."), ("7", "Two.")]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.txt", "", "nothing to speak"),
        ("a.txt", " \n\n* * *\n", "nothing to speak"),
        ("a.txt", b"\x00\x01\x02", "not text"),
        ("a.json", "{", "not valid JSON"),
        ("a.json", "[" * 100_000, "not valid JSON"),
        ("a.json", "[]", "no list of segments"),
        ("a.json", '{"segments": {}}', "no list of segments"),
        ("a.json", '{"segments": [{"text": "x"}]}', "segment 1"),
        ("a.json", '{"segments": [{"text_content": "x", "id": "../y"}]}', "cannot be a file name"),
        (
            "a.json",
            '{"segments": [{"text_content": "x", "id": "A"}, {"text_content": "y", "id": "a"}]}',
            "twice",
        ),
    ],
)
def test_files_that_are_no_stories_say_why(
    story: Callable[..., Path], name: str, content: str | bytes, says: str
) -> None:
    with pytest.raises(StoryError, match=says):
        read_story(story(name, content))


def test_folder_and_missing_file_say_so(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.txt"):
        with pytest.raises(StoryError, match="cannot be read"):
            read_story(path)


def test_ids_outlive_changes_elsewhere_and_repeats_differ(story: Callable[..., Path]) -> None:
    before = {segment.text: segment.id for segment in read_story(story("a.txt", "One.\n\nTwo.\n\nTwo.")).segments}
    after = read_story(story("b.txt", "New.\n\nOne.\n\nTwo.\n\nTwo.")).segments
    assert after[1].id == before["One."]
    assert [after[2].id, after[3].id] == [before["Two."].removesuffix("-2"), before["Two."]]
    assert len({segment.id for segment in after}) == 4


def test_made_ids_never_meet_given_ones(story: Callable[..., Path]) -> None:
    made = read_story(story("a.txt", "Same.")).segments[0].id
    segments = [{"text_content": "Same."}, {"text_content": "x", "id": made}, {"text_content": "Same."}]
    ids = [segment.id for segment in read_story(story("a.json", json.dumps({"segments": segments}))).segments]
    assert ids == [f"{made}-2", made, f"{made}-3"]


def test_json_says_who_speaks_each_segment_and_how_fast_and_keeps_what_it_does_not_know(
    story: Callable[..., Path],
) -> None:
    segment = {"text_content": "One.", "voice_id": "bm_george", "speed": 1.5, "mood": "calm"}
    (read,) = read_story(story("a.json", json.dumps({"segments": [segment]}))).segments
    assert (read.voice, read.speed, dict(read.extra)) == ("bm_george", 1.5, {"mood": "calm"})


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"speed": "fast"}, "speed.*segment 1"),
        ({"speed": 9}, "0.5 to 2"),
        ({"speed": True}, "0.5 to 2"),
        ({"speed": float("nan")}, "nan"),
        ({"voice_id": 7}, "voice_id.*segment 1"),
        ({"voice_id": " "}, "voice_id"),
    ],
)
def test_json_with_a_voice_or_speed_that_cannot_be_says_which(
    story: Callable[..., Path], values: dict[str, Any], says: str
) -> None:
    content = json.dumps({"segments": [{"text_content": "One.", **values}]})
    with pytest.raises(StoryError, match=says):
        read_story(story("a.json", content))


def test_long_paragraph_becomes_segments_of_a_minute_at_most(story: Callable[..., Path]) -> None:
    sentences = [f"This is sentence number {number} of a long paragraph." for number in range(100)]
    parts = texts(story("a.txt", " ".join(sentences)))
    assert 5 < len(parts) < 20
    assert max(map(len, parts)) <= LONGEST
    assert " ".join(parts) == " ".join(sentences)


def test_change_in_a_long_paragraph_moves_only_the_cuts_around_it(story: Callable[..., Path]) -> None:
    sentences = [f"This is sentence number {number} of a long paragraph." for number in range(100)]
    before = {segment.id for segment in read_story(story("a.txt", " ".join(sentences))).segments}
    sentences[40] = "Something else altogether happened here."
    after = {segment.id for segment in read_story(story("a.txt", " ".join(sentences))).segments}
    assert 0 < len(after - before) <= 3


def test_segment_with_an_id_of_its_own_stays_whole(story: Callable[..., Path]) -> None:
    segment = {"text_content": "A sentence. " * 200, "id": "s1"}
    assert len(read_story(story("a.json", json.dumps({"segments": [segment]}))).segments) == 1


@pytest.mark.parametrize("name", ["a.docx", "a.pdf", "a.mobi"])
def test_document_that_cannot_be_read_says_what_to_do(story: Callable[..., Path], name: str) -> None:
    with pytest.raises(StoryError, match="Save it as"):
        read_story(story(name, "PK"))
