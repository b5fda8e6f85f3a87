"""Find the chapters of an EPUB in reading order, with its title, author and language (EPUB 3.3 and 2.0.1)."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from storyflow.stories.archive import Archive, ArchiveError
from storyflow.stories.blocks import one_line
from storyflow.stories.xml_elements import Element, XmlError, elements_of, named

_CONTAINER = "META-INF/container.xml"
_ENCRYPTION = "META-INF/encryption.xml"
_PACKAGE = "application/oebps-package+xml"
_PAGES = frozenset(["application/xhtml+xml", "text/html", "text/x-oeb1-document"])
_OBFUSCATED_FONTS = frozenset(["http://www.idpf.org/2008/embedding", "http://ns.adobe.com/pdf/enc#RC"])
_SKIPPED = frozenset(["toc", "cover", "loi", "lot", "index", "copyright-page"])
"""Pages that an EPUB 2 names in its guide."""


@dataclass(frozen=True)
class Package:
    """What an EPUB says about itself."""

    title: str | None
    author: str | None
    language: str | None
    chapters: tuple[str, ...]
    """Names of the pages in the archive, in reading order."""
    skipped: int
    """Pages of navigation, which are not read."""


def package_of(archive: Archive) -> Package:
    """Return the package; raise ArchiveError if it cannot be used or is encrypted."""
    if _CONTAINER not in archive:
        raise ArchiveError(f"is not an EPUB: it has no {_CONTAINER}. Give a book in one of the supported formats.")
    root = next(
        (
            each
            for each in named(_elements(archive, _CONTAINER), "rootfile")
            if _attribute(each, "media-type") == _PACKAGE
        ),
        None,
    )
    if root is None:
        raise ArchiveError("is damaged: it does not say where its contents are. Get the file again.")
    name = _inside("", _attribute(root, "full-path"))
    elements = _elements(archive, name)
    pages, skipped = _pages(elements, posixpath.dirname(name))
    _check_encryption(archive, frozenset(pages))
    return Package(_first(elements, "title"), _authors(elements), _first(elements, "language"), tuple(pages), skipped)


def _elements(archive: Archive, name: str) -> list[Element]:
    try:
        return elements_of(archive.read(name))
    except XmlError as error:
        raise ArchiveError(f"has a file '{name}' that {error}. Get the file from another source.") from error


def _pages(elements: list[Element], folder: str) -> tuple[list[str], int]:
    """Return the pages of the spine, and how many pages are navigation or stand outside of the reading order."""
    items = {_attribute(item, "id"): item for item in named(elements, "item")}
    skip = {_inside(folder, each.attributes.get("href", "")) for each in _guide(elements)}
    pages: list[str] = []
    skipped = 0
    for itemref in named(elements, "itemref"):
        item = items.get(_attribute(itemref, "idref"))
        if item is None or _attribute(item, "media-type") not in _PAGES:
            continue
        page = _inside(folder, _attribute(item, "href"))
        is_navigation = "nav" in item.attributes.get("properties", "").split() or page in skip
        if is_navigation or itemref.attributes.get("linear") == "no":
            skipped += 1
        elif page not in pages:
            pages.append(page)
    if not pages:
        raise ArchiveError("has no chapters that can be read. Convert it, or give a book in another format.")
    return pages, skipped


def _guide(elements: list[Element]) -> Iterator[Element]:
    return (each for each in named(elements, "reference") if each.attributes.get("type", "").lower() in _SKIPPED)


def _inside(folder: str, href: str) -> str:
    """Return the name in the archive of what a relative reference leads to; raise ArchiveError if that is outside."""
    path = unquote(href.split("#")[0])
    name = posixpath.normpath(posixpath.join(folder, path))
    if not path or "\0" in path or "\\" in path or ":" in path.split("/")[0] or name.startswith(("/", "..")):
        raise ArchiveError(f"refers to '{href[:80]}', which is outside of it. Get the file from another source.")
    return name


def _check_encryption(archive: Archive, pages: frozenset[str]) -> None:
    """Refuse a book whose chapters are encrypted; fonts may be."""
    if _ENCRYPTION not in archive:
        return
    method, encrypted = "", set()
    for element in _elements(archive, _ENCRYPTION):
        if element.name == "EncryptionMethod":
            method = element.attributes.get("Algorithm", "")
        elif element.name == "CipherReference" and method not in _OBFUSCATED_FONTS:
            encrypted.add(unquote(element.attributes.get("URI", "")).lstrip("/"))
    if encrypted & pages:
        raise ArchiveError("is encrypted (DRM): only the shop's own programs can read it. Get an edition without DRM.")


def _first(elements: list[Element], name: str) -> str | None:
    return next((text for each in named(elements, name) if (text := one_line(each.text))), None)


def _authors(elements: list[Element]) -> str | None:
    names = [one_line(each.text) for each in named(elements, "creator")]
    return ", ".join(dict.fromkeys(filter(None, names))) or None


def _attribute(element: Element, name: str) -> str:
    value = element.attributes.get(name)
    if value is None:
        raise ArchiveError(f"is damaged: an element <{element.name}> has no {name}. Get the file again.")
    return value
