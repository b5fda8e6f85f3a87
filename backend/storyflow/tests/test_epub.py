"""EPUB: what is read of a book, and what hostile, damaged and encrypted ones lead to."""

import contextlib
import resource
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from storyflow.stories.errors import StoryError
from storyflow.stories.story import Story, read_story
from storyflow.tests.books import epub, page

NOTES = """<h2>Chapter <i>One</i></h2><p>It was<a epub:type="noteref" href="notes.xhtml#n1">1</a> so.<sup>2</sup>
And<a href="#n3">[3]</a> so<a id="page_9" epub:type="pagebreak" title="9"/> on, see <a href="two.xhtml#b">below</a>.</p>
<script src="x.js"/><aside epub:type="footnote" id="n1"><p>Not read.</p><p>Nor this</aside><hr/>
<section role="doc-endnotes"><p>No.</p></section><div class="footnotes"><div><p>Neither.</div></div><p>The end.</p>"""


def texts(story: Story) -> list[str]:
    return [segment.text for segment in story.segments]


def test_book_has_title_authors_language_and_its_chapters_in_the_order_of_the_spine(tmp_path: Path) -> None:
    pages = [("b.xhtml", page("<h1>Second</h1><p>Two.</p>")), ("a%20b.xhtml", page("<h1>First</h1><p>One.</p>"))]
    spine = '<itemref idref="p1"/><itemref idref="p0"/><itemref idref="p1"/>'
    path = epub(tmp_path / "a.epub", [*pages[:1], ("a%20b.xhtml", "")], spine=spine)
    with zipfile.ZipFile(path, "a") as book:
        book.writestr("OEBPS/a b.xhtml", pages[1][1])
    story = read_story(path)
    assert (story.title, story.author, story.language) == ("The & Title", "Ann Author, Ben Writer", "en-GB")
    assert [(each.kind, each.text) for each in story.segments] == [
        ("heading", "First"),
        ("paragraph", "One."),
        ("heading", "Second"),
        ("paragraph", "Two."),
    ]


def test_notes_their_marks_and_page_numbers_are_not_read(tmp_path: Path) -> None:
    story = read_story(epub(tmp_path / "a.epub", [("one.xhtml", page(NOTES))]))
    assert texts(story) == ["Chapter One", "It was so. And so on, see below.", "* * *", "The end."]
    assert dict(story.left_out) == {"footnote marks": 3, "footnotes": 3, "page numbers": 1, "scripts": 1}


def test_navigation_contents_and_pages_outside_of_the_reading_order_are_not_read(tmp_path: Path) -> None:
    nav = page("<h1>Contents</h1><nav epub:type='toc'><ol><li><a href='one.xhtml'>One</a></li></ol></nav>")
    body = "<p>Contents</p><p>One</p><p>Two</p><h1>One</h1><p>Text.</p><h1>Two</h1><p>More.</p>"
    pages = [("one.xhtml", page(body)), ("notes.xhtml", page("<p>Notes.</p>")), ("toc.xhtml", page("<p>Pages.</p>"))]
    story = read_story(
        epub(
            tmp_path / "a.epub",
            pages,
            items='<item id="nav" href="nav.xhtml" properties="scripted nav" media-type="application/xhtml+xml"/>'
            '<item id="pic" href="a.svg" media-type="image/svg+xml"/>',
            spine='<itemref idref="nav"/><itemref idref="pic"/><itemref idref="p2"/><itemref idref="p0"/>'
            '<itemref idref="p1" linear="no"/>',
            guide='<guide><reference type="toc" href="toc.xhtml#top"/></guide>',
            others={"OEBPS/nav.xhtml": nav},
        )
    )
    assert texts(story) == ["One", "Text.", "Two", "More."]
    assert dict(story.left_out) == {"pages of navigation": 3, "table of contents": 1}


def test_book_in_utf_16_and_empty_elements_of_xml_are_read(tmp_path: Path) -> None:
    wide = page("<p>Café<br/>au <b/>lait.</p><div/><p>Two.</p>").replace("utf-8", "utf-16").encode("utf-16")
    path = epub(tmp_path / "a.epub", [("a.xhtml", "")])
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as book:
        book.writestr("OEBPS/a.xhtml", wide)
    assert texts(read_story(path)) == ["Café au lait.", "Two."]


@pytest.mark.parametrize("version", ["epub2", "epub3"])
def test_book_that_pandoc_made_is_read(tmp_path: Path, version: str) -> None:
    if shutil.which("pandoc") is None:
        pytest.skip("pandoc is not installed")
    written = "# One\n\nText.[^1]\n\n* * *\n\n“More.”\n\n# Two\n\n1. a\n\n[^1]: Note.\n"
    command = ["pandoc", "-t", version, "--toc", "-o", str(tmp_path / "a.epub"), "--metadata", "title=T"]
    subprocess.run([*command, "--metadata", "lang=en"], input=written, text=True, check=True)
    story = read_story(tmp_path / "a.epub")
    assert texts(story) == ["T", "One", "Text.", "* * *", "“More.”", "Two", "1. a"]
    assert (story.title, story.language) == ("T", "en")


def entities(count: int) -> str:
    """Return a document type whose entities expand to 10 ** count times three letters."""
    names = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, count))
    return f'<!DOCTYPE package [<!ENTITY e0 "lol">{names}]>'


def encrypted(algorithm: str, name: str) -> dict[str, str | bytes]:
    return {
        "META-INF/encryption.xml": '<encryption xmlns="urn:oasis:names:tc:opendocument:xmlns:container" '
        'xmlns:enc="http://www.w3.org/2001/04/xmlenc#"><enc:EncryptedData><enc:EncryptionMethod '
        f'Algorithm="{algorithm}"/><enc:CipherData><enc:CipherReference URI="{name}"/></enc:CipherData>'
        "</enc:EncryptedData></encryption>"
    }


AES, FONTS = "http://www.w3.org/2001/04/xmlenc#aes128-cbc", "http://www.idpf.org/2008/embedding"
TEXT = [("a.xhtml", page("<p>Text.</p>"))]


@pytest.mark.parametrize(
    ("pages", "options", "message"),
    [
        (TEXT, {"others": encrypted(AES, "OEBPS/a.xhtml")}, r"encrypted \(DRM\).*without DRM"),
        (TEXT, {"doctype": entities(9)}, "declares entities"),
        (TEXT, {"doctype": '<!DOCTYPE p [<!ENTITY x SYSTEM "file:///etc/passwd">]>'}, "declares entities"),
        (TEXT, {"doctype": '<!DOCTYPE p [<!ENTITY % x SYSTEM "http://127.0.0.1/x"> %x;]>'}, "declares entities"),
        ([("../../a.xhtml", "")], {}, "outside of it"),
        ([("/etc/passwd", "")], {}, "outside of it"),
        ([("file:///etc/passwd", "")], {}, "outside of it"),
        ([("https://a.example/x.xhtml", "")], {}, "outside of it"),
        ([("..%2f..%2fx.xhtml", "")], {}, "outside of it"),
        (TEXT, {"opf": "../content.opf"}, "outside of it"),
        (TEXT, {"opf": "/etc/passwd"}, "outside of it"),
        (TEXT, {"opf": "none.opf"}, "'none.opf' is missing"),
        (TEXT, {"spine": ""}, "no chapters"),
        (TEXT, {"doctype": "<"}, "malformed"),
        ([("a.xhtml", page(""))], {}, "nothing to speak"),
    ],
)
def test_hostile_damaged_and_encrypted_books_are_refused(
    tmp_path: Path, pages: Any, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(StoryError, match=message):
        read_story(epub(tmp_path / "a.epub", pages, **options))


def test_external_document_types_are_ignored_and_obfuscated_fonts_are_no_drm(tmp_path: Path) -> None:
    doctype = '<!DOCTYPE package SYSTEM "file:///dev/zero">'
    story = read_story(epub(tmp_path / "a.epub", TEXT, doctype=doctype, others=encrypted(FONTS, "OEBPS/a.xhtml")))
    assert texts(story) == ["Text."]


def test_entities_of_a_page_are_neither_expanded_nor_opened(tmp_path: Path) -> None:
    doctype = '<!DOCTYPE html [<!ENTITY e "boom"><!ENTITY x SYSTEM "file:///etc/passwd">]>'
    written = page("<p>One &e;&x;&amp; two.</p>").replace("<!DOCTYPE html>", doctype)
    assert texts(read_story(epub(tmp_path / "a.epub", [("a.xhtml", written)]))) == ["One &e;&x;& two."]


def test_file_that_is_no_archive_and_archive_that_is_no_book_say_so(tmp_path: Path) -> None:
    path = tmp_path / "a.epub"
    for content in (b"", b"Text.", b"PK\x05\x06", b"PK\x03\x04" + bytes(100)):
        path.write_bytes(content)
        with pytest.raises(StoryError, match=r"not an EPUB|damaged"):
            read_story(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "Text.")
    with pytest.raises(StoryError, match=r"no META-INF/container\.xml"):
        read_story(path)
    with pytest.raises(StoryError, match="No such file"):
        read_story(tmp_path / "none.epub")


def test_every_damaged_byte_gives_a_story_or_an_error_for_people(tmp_path: Path) -> None:
    whole = epub(tmp_path / "a.epub", TEXT).read_bytes()
    path = tmp_path / "b.epub"
    for place in range(0, len(whole), 3):
        for damaged in (whole[:place], whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]):
            path.write_bytes(damaged)
            with contextlib.suppress(StoryError):
                read_story(path)


BOMBED = """
import resource, sys
from pathlib import Path
from storyflow.stories.errors import StoryError
from storyflow.stories.story import read_story
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read_story(Path(sys.argv[1]))
except StoryError as error:
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024, error)
"""


def bombed(path: Path) -> tuple[int, str]:
    """Return how many MiB reading a book took beyond the program itself, and the error."""
    backend = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "-c", BOMBED, path], cwd=backend, capture_output=True, text=True, check=True)
    mebibytes, _, error = done.stdout.partition(" ")
    return int(mebibytes), error


@pytest.mark.skipif(not hasattr(resource, "getrusage"), reason="measures memory as POSIX does")
def test_zip_bombs_are_not_unpacked(tmp_path: Path) -> None:
    bomb = epub(tmp_path / "a.epub", [*TEXT, ("b.xhtml", "")])
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as book:
        book.writestr("OEBPS/b.xhtml", b" " * (200 << 20))
    assert bomb.stat().st_size < 1 << 20
    mebibytes, error = bombed(bomb)
    assert "more than 16 MiB of text in 'OEBPS/b.xhtml'" in error
    assert mebibytes < 80


def test_many_pages_are_limited_together(tmp_path: Path) -> None:
    spaces = " " * (12 << 20)
    bomb = epub(tmp_path / "a.epub", [(f"{number}.xhtml", spaces) for number in range(8)])
    with pytest.raises(StoryError, match="MiB of text"):
        read_story(bomb)


def test_archive_with_too_many_members_is_not_opened(tmp_path: Path) -> None:
    path = epub(tmp_path / "a.epub", TEXT, others={f"{number:0200}": "" for number in range(18_000)})
    with pytest.raises(StoryError, match="more files in it than a book has"):
        read_story(path)


def test_password_is_said(tmp_path: Path) -> None:
    path = epub(tmp_path / "a.epub", TEXT)
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = data.find(signature)
        while start >= 0:
            data[start + offset] |= 1
            start = data.find(signature, start + 1)
    path.write_bytes(data)
    with pytest.raises(StoryError, match="protected by a password"):
        read_story(path)
