"""Story files become segments: what is spoken, what is not, and ids that outlive changes elsewhere."""

import json

import pytest

from storyflow.stories.story import StoryError, read_story

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


def texts(path):
    return [segment.text for segment in read_story(path).segments]


@pytest.fixture
def story(tmp_path):
    def write(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_text_paragraphs_are_segments_and_wrapped_lines_are_joined(story):
    path = story("a.txt", "One line\nand its rest.\n\n  \n\nTwo.\r\n\r\nThree.")
    assert texts(path) == ["One line and its rest.", "Two.", "Three."]


def test_scene_breaks_are_segments_of_their_own(story):
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
    ["Café.".encode(), b"\xef\xbb\xbf" + "Café.".encode(), "Café.".encode("utf-16"), "Café.".encode("cp1252")],
    ids=["utf-8", "utf-8 with mark", "utf-16", "cp1252"],
)
def test_text_encodings_people_have(story, content):
    assert texts(story("a.txt", content)) == ["Café."]


def test_markdown_signs_are_not_spoken(story):
    path = story("a.md", MARKDOWN)
    assert texts(path) == [
        "The Title",
        "Some bold, a link, code and gone. Next line.",
        "one",
        "two",
        "quoted",
        "* * *",
        "a",
        "b",
        "c",
        "d",
    ]


def test_json_gives_title_texts_and_ids(story):
    document = {"title": "T", "segments": [{"text_content": "One.", "id": "s1"}, {"text_content": "Two.", "id": 7}]}
    read = read_story(story("a.json", json.dumps(document)))
    assert read.title == "T"
    assert [(segment.id, segment.text) for segment in read.segments] == [("s1", "One."), ("7", "Two.")]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.txt", "", "holds no text"),
        ("a.txt", " \n\n* * *\n", "holds no text"),
        ("a.txt", b"\x00\x01\x02", "is not text"),
        ("a.json", "{", "not valid JSON"),
        ("a.json", "[" * 100_000, "not valid JSON"),
        ("a.json", "[]", "no list of segments"),
        ("a.json", '{"segments": {}}', "no list of segments"),
        ("a.json", '{"segments": [{"text": "x"}]}', "Segment 1"),
        ("a.json", '{"segments": [{"text_content": "x", "id": "../y"}]}', "no plain name"),
        (
            "a.json",
            '{"segments": [{"text_content": "x", "id": "A"}, {"text_content": "y", "id": "a"}]}',
            "stands twice",
        ),
    ],
)
def test_files_that_are_no_stories_say_why(story, name, content, says):
    with pytest.raises(StoryError, match=says):
        read_story(story(name, content))


def test_folder_and_missing_file_say_so(tmp_path):
    for path in (tmp_path, tmp_path / "missing.txt"):
        with pytest.raises(StoryError, match="cannot be read"):
            read_story(path)


def test_ids_outlive_changes_elsewhere_and_repeats_differ(story):
    before = {segment.text: segment.id for segment in read_story(story("a.txt", "One.\n\nTwo.\n\nTwo.")).segments}
    after = read_story(story("b.txt", "New.\n\nOne.\n\nTwo.\n\nTwo.")).segments
    assert after[1].id == before["One."]
    assert [after[2].id, after[3].id] == [before["Two."].removesuffix("-2"), before["Two."]]
    assert len({segment.id for segment in after}) == 4


def test_made_ids_never_meet_given_ones(story):
    made = read_story(story("a.txt", "Same.")).segments[0].id
    segments = [{"text_content": "Same."}, {"text_content": "x", "id": made}, {"text_content": "Same."}]
    ids = [segment.id for segment in read_story(story("a.json", json.dumps({"segments": segments}))).segments]
    assert ids == [f"{made}-2", made, f"{made}-3"]
