"""Documents of every kind: what a good reader reads aloud of them, and what is left out."""

from pathlib import Path

import pytest

from storyflow.stories.blocks import Document
from storyflow.stories.decoding import NotTextError, decode_page, decode_text
from storyflow.stories.html import read_html
from storyflow.stories.markdown import read_markdown
from storyflow.stories.plain_text import read_plain_text
from storyflow.stories.story import read_story


def texts(document: Document) -> list[str]:
    return [block.text for block in document.blocks]


def headings(document: Document) -> list[tuple[int, str]]:
    return [(block.level, block.text) for block in document.blocks if block.kind == "heading"]


WRAPPED = """Alice was beginning to get very tired of sitting by her sister on the
bank, and of having nothing to do: once or twice she had peeped into
the book her sister was reading, but it had no pictures or conver-
sations in it.
There was nothing so very remarkable in that.
"Oh dear!"

So she thought of a daisy-chain, well-
known to all, and of conversations.

A well-known thing.
"""


def test_wrapped_lines_are_joined_and_short_ones_end_paragraphs() -> None:
    first, *rest = texts(read_plain_text(WRAPPED))
    assert first.startswith("Alice was beginning")
    assert first.endswith("pictures or conversations in it.")
    assert rest == [
        "There was nothing so very remarkable in that.",
        '"Oh dear!"',
        "So she thought of a daisy-chain, well-known to all, and of conversations.",
        "A well-known thing.",
    ]


@pytest.mark.parametrize(
    ("layout", "paragraphs"),
    [
        ("It rained.\nThe rain fell on the roof, and nobody slept at all that night.\nThen came morning.", 3),
        (f"{'A long line of words. ' * 8}\nShort.\n{'Another long line. ' * 9}", 3),
        ('"Hello," he said.\n"Hi," she said.\n"Where have you been?"\n"Out."', 4),
        ("— Bonjour.\n— Au revoir.", 2),
        (
            "   Alice was beginning to get very tired of sitting by her sister on\nthe bank, and of nothing to do.\n"
            "   So she was considering in her own mind as well as she could for\nthe hot day made her feel stupid.\n"
            "   There was nothing so very remarkable in that.",
            3,
        ),
        ("Tyger Tyger, burning bright,\nIn the forests of the night;\nWhat immortal hand or eye,\nCould frame", 1),
        ("  How doth the little crocodile\n    Improve his shining tail,\n  And pour the waters of the Nile", 1),
        ("On what wings dare he aspire?\nWhat the hand, dare seize it?\nAnd what shoulder, and art.\nGo on.", 4),
        ("In what deeps or skies.\nBurnt the fire of eyes?\nOn what wings aspire?\nWhat hand the fire?", 1),
    ],
    ids=[
        "a line each",
        "long lines",
        "dialogue",
        "dashes",
        "indented",
        "verse",
        "indented verse",
        "sentences",
        "stanza",
    ],
)
def test_layouts_are_told_apart(layout: str, paragraphs: int) -> None:
    found = texts(read_plain_text(layout))
    assert len(found) == paragraphs
    assert " ".join(found).split() == layout.split()


def test_book_of_59_lines_is_not_one_paragraph() -> None:
    assert len(texts(read_plain_text("\n".join(f"Paragraph {n} has a few words." for n in range(59))))) == 59


GUTENBERG = """The Project Gutenberg eBook of Alice

Title: Alice's Adventures
       in Wonderland

*** START OF THE PROJECT GUTENBERG EBOOK ALICE ***

[Illustration]

Contents

 CHAPTER I.     Down the Rabbit-Hole
 CHAPTER II.    The Pool of Tears

CHAPTER I.
Down the Rabbit-Hole

Alice was _very_ tired.[1] She sat [Illustration: Alice
sitting] there.

[Footnote 1: Very tired,
as we [the editors] say.]

CHAPTER II.
The Pool of Tears

She cried. {12} [sic]

*** END OF THE PROJECT GUTENBERG EBOOK ALICE ***
Small print.
"""


def test_book_of_project_gutenberg_is_read_without_what_surrounds_it() -> None:
    book = read_plain_text(GUTENBERG)
    assert book.title == "Alice's Adventures in Wonderland"
    assert texts(book) == [
        "CHAPTER I. Down the Rabbit-Hole",
        "Alice was very tired. She sat there.",
        "CHAPTER II. The Pool of Tears",
        "She cried. [sic]",
    ]
    assert headings(book) == [(1, "CHAPTER I. Down the Rabbit-Hole"), (1, "CHAPTER II. The Pool of Tears")]
    assert dict(book.left_out) == {
        "illustrations": 2,
        "footnotes": 1,
        "page numbers": 1,
        "footnote marks": 1,
        "licence of Project Gutenberg": 1,
        "table of contents": 1,
    }


def test_contents_that_name_nothing_stay() -> None:
    text = "Contents\n\nThe box held three things.\n\nA key, a coin and a letter."
    assert texts(read_plain_text(text))[1:] == ["The box held three things.", "A key, a coin and a letter."]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("He said _no_ and **never** and *why*.", "He said no and never and why."),
        ("A **_both_** and __twice__ and =bold=.", "A both and twice and bold."),
        ("2*3*4 = 24 and snake_case_name stay.", "2*3*4 = 24 and snake_case_name stay."),
        ("***", "* * *"),
        ("_ _ _", "* * *"),
    ],
)
def test_typewriter_emphasis_is_not_read(written: str, read: str) -> None:
    assert texts(read_plain_text(written)) == [read]


@pytest.mark.parametrize(
    ("line", "is_heading"),
    [
        ("CHAPTER XII.", True),
        ("Chapter 3: The Voyage", True),
        ("PART TWO", True),
        ("Book the Third", True),
        ("THE RED-HEADED LEAGUE", True),
        ("IV.", True),
        ("Epilogue", True),
        ("Part one of the plan failed.", False),
        ("Act now, or never.", False),
        ("Book a table for two.", False),
        ("I", True),
        ("NO", False),
        ("He went home.", False),
    ],
)
def test_headings_of_plain_text(line: str, is_heading: bool) -> None:
    assert bool(headings(read_plain_text(f"Before.\n\n{line}\n\nAfter."))) == is_heading


MARKDOWN = """---
title: "My Story"
---
# Chapter One

See https://example.com/a_b?c=d for more, or [the site](https://x.example). :smile: It's $x^2$, at 12:30:45,
for $5 or $6. A note[^1] here.

3. Third thing
4. Fourth thing
   - [x] done

| Name | Age |
|------|-----|
| Ann  | 12  |
| Bob. | 13  |

[^1]: The note.

## Two
"""


def test_markdown_is_read_as_its_page_would_be() -> None:
    story = read_markdown(MARKDOWN)
    assert story.title == "My Story"
    assert texts(story) == [
        "Chapter One",
        "See for more, or the site. It's, at 12:30:45, for $5 or $6. A note here.",
        "3. Third thing",
        "4. Fourth thing",
        "done",
        "Name, Age. Ann, 12. Bob., 13.",
        "Two",
    ]
    assert headings(story) == [(1, "Chapter One"), (2, "Two")]
    assert story.left_out["footnotes"] == story.left_out["formulas"] == story.left_out["bare addresses"] == 1


def test_markdown_without_a_title_takes_its_first_heading() -> None:
    assert read_markdown("Intro.\n\n# The Title\n\nText.").title == "The Title"


PAGE = """<!DOCTYPE html><html><head><title>A &amp; B</title><style>x{}</style>
<body><nav><p>Menu</nav><h1>Head</h1><p>One <b>two</b><sup><a href="#n1">1</a></sup> three on the 1<sup>st</sup>.<br>
Next<p>Para<ol start=3><li>a<li>b</ol><hr/><table><tr><th>N<th>A<tr><td>x<td>y</table>
<pre>code</pre><script>alert("<p>no</p>")</script><div hidden>no</div><p>caf&eacute;</p>tail"""


def test_html_is_read_as_a_browser_shows_it_even_where_it_is_not_closed() -> None:
    page = read_html(PAGE)
    assert page.title == "A & B"
    assert texts(page) == [
        "Head",
        "One two three on the 1st. Next",
        "Para",
        "3. a",
        "4. b",
        "* * *",
        "N, A.",
        "x, y.",
        "café",
        "tail",
    ]
    assert dict(page.left_out) == {
        "navigation": 1,
        "footnote marks": 1,
        "code blocks": 1,
        "scripts": 1,
        "hidden parts": 1,
    }


def test_html_says_who_wrote_it_and_in_which_language() -> None:
    page = read_html('<html lang="pt-BR"><head><meta name="Author" content=" Ann  Author "></head><body><p>Texto.')
    assert (page.author, page.language) == ("Ann Author", "pt-BR")


HEBREW = "<html><head><meta charset={}></head><body><p>שלום</p>"


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        (HEBREW.format("iso-8859-8").encode("iso-8859-8"), "שלום"),
        (HEBREW.format("'windows-1255'").encode("cp1255"), "שלום"),
        (HEBREW.format("utf-8").encode("utf-8"), "שלום"),
        (HEBREW.format("utf-8").encode("utf-8-sig"), "שלום"),
        (HEBREW.format("utf-16").encode("utf-16"), "שלום"),
        (HEBREW.format("utf-16").encode("utf-16-le"), "שלום"),
        (HEBREW.format("utf-16").encode("utf-16-be"), "שלום"),
        (HEBREW.format("utf-16").encode("utf-8"), "שלום"),
        (HEBREW.format("nonsense").encode("utf-8"), "שלום"),
        (b"<meta http-equiv=Content-Type content='text/html; charset=ISO-8859-1'><p>caf\xe9 \x93so\x94", "café “so”"),
        (b"<?xml version='1.0' encoding='windows-1251'?><p>\xcf\xf0\xe8", "При"),
        (b"<meta charset=shift_jis><p>\x93\xfa\x96{", "日本"),
        (b"<p>caf\xe9", "café"),
    ],
)
def test_page_is_read_in_the_encoding_that_it_declares(tmp_path: Path, page: bytes, expected: str) -> None:
    (tmp_path / "a.html").write_bytes(page)
    assert [segment.text for segment in read_story(tmp_path / "a.html").segments] == [expected]


@pytest.mark.parametrize("data", [bytes(range(256)) * 8, b"\x7fELF" + bytes(200), b"a\0b\0\1\0", b"\0" * 10])
def test_binary_data_is_not_text(data: bytes) -> None:
    for decode in (decode_text, decode_page):
        with pytest.raises(NotTextError):
            decode(data)


def test_long_runs_of_spaces_and_of_marks_take_no_time() -> None:
    assert texts(read_html(f"<p>a{' ' * 1_000_000}b <sup>{'xy</sup>' * 50_000}")) == [f"a b {'xy' * 50_000}"]


def test_unclosed_part_of_what_is_left_out_hides_nothing_else() -> None:
    assert texts(read_html("<div hidden><div><p>no</div>no</div><p>yes")) == ["yes"]


@pytest.mark.parametrize(
    "markup", ["<p>" * 5_000, "<ul>" * 5_000, "</p>" * 5_000, "<nav><b>" * 2_000, "<!-- ", "<a", "&#x110000;"]
)
def test_broken_html_is_read_as_far_as_it_goes(markup: str) -> None:
    assert "Text." in " ".join(texts(read_html(f"<p>Text.</p>{markup}")))


def test_restructured_text_is_read_without_its_markup() -> None:
    restructured_text = pytest.importorskip("storyflow.stories.restructured_text")
    pytest.importorskip("docutils")
    text = "Title\n=====\n\nPara with *emph* and ``code`` [1]_.\n\n#. one\n#. two\n\n::\n\n  code\n\n.. [1] Foot.\n"
    document = restructured_text.read_restructured_text(f"{text}\n.. include:: /etc/passwd\n\nSub\n---\n\nEnd.\n")
    assert document.title == "Title"
    assert texts(document) == ["Title", "Para with emph and code.", "1. one", "2. two", "Sub", "End."]
    assert "code blocks" in document.left_out


@pytest.mark.parametrize(
    "page", ["<p>one<![foo[x]]> two</p>", "<p>one<![ x]> two</p>", f"<ol start='{'9' * 5000}'></ol><p>one two</p>"]
)
def test_malformed_declarations_and_numbers_in_html_do_not_stop_the_reader(page: str) -> None:
    assert [block.text for block in read_html(page).blocks] == ["one two"]
