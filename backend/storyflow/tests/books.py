"""Make EPUB files for tests."""

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

CONTAINER = (
    '<?xml version="1.0"?><container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
    '<rootfile full-path="{opf}" media-type="application/oebps-package+xml"/></rootfiles></container>'
)
PACKAGE = """<?xml version="1.0" encoding="UTF-8"?>{doctype}
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:identifier id="id">x</dc:identifier>
<dc:title>The &amp; Title</dc:title><dc:creator>Ann Author</dc:creator><dc:creator>Ben Writer</dc:creator>
<dc:language>en-GB</dc:language></metadata>
<manifest>{items}</manifest><spine>{spine}</spine>{guide}</package>"""
PAGE = """<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><head><title/></head>
<body>{body}</body></html>"""


def page(body: str) -> str:
    """Return a page of a book."""
    return PAGE.format(body=body)


def epub(
    path: Path,
    pages: Sequence[tuple[str, str]],
    *,
    spine: str | None = None,
    items: str = "",
    guide: str = "",
    doctype: str = "",
    opf: str = "OEBPS/content.opf",
    others: Mapping[str, str | bytes] | None = None,
) -> Path:
    """Write a book with `pages`, their names and contents, in the folder OEBPS."""
    listed = "".join(
        f'<item id="p{number}" href="{name}" media-type="application/xhtml+xml"/>'
        for number, (name, _) in enumerate(pages)
    )
    order = "".join(f'<itemref idref="p{number}"/>' for number in range(len(pages)))
    package = PACKAGE.format(
        items=listed + items, spine=order if spine is None else spine, guide=guide, doctype=doctype
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        book.writestr("META-INF/container.xml", CONTAINER.format(opf=opf))
        book.writestr("OEBPS/content.opf", package)
        for name, content in [*((f"OEBPS/{name}", content) for name, content in pages), *(others or {}).items()]:
            book.writestr(name, content)
    return path
