"""Tell what of an HTML page or an EPUB chapter is not read aloud: scripts, navigation, notes, hidden parts."""

from collections.abc import Mapping

Attributes = Mapping[str, str | None]

_TAGS = {
    "script": "scripts", "style": "scripts", "template": "scripts", "noscript": "scripts", "head": "",
    "pre": "code blocks", "nav": "navigation", "svg": "images", "math": "formulas", "figure": "images",
    "audio": "media", "video": "media", "iframe": "media", "object": "media", "canvas": "images",
    "select": "forms", "button": "forms", "textarea": "forms", "rt": "readings", "rp": "",
}  # fmt: skip
_TYPES = {
    "footnote": "footnotes", "footnotes": "footnotes", "endnote": "footnotes", "endnotes": "footnotes",
    "rearnote": "footnotes", "rearnotes": "footnotes", "note": "footnotes", "backlink": "footnote marks",
    "noteref": "footnote marks", "pagebreak": "page numbers", "page-list": "page numbers", "toc": "navigation",
    "toc-brief": "navigation", "landmarks": "navigation", "loi": "navigation", "lot": "navigation",
    "index": "indexes", "copyright-page": "copyright pages",
}  # fmt: skip
"""Values of `epub:type`, and of `role` behind "doc-" (EPUB 3 Structural Semantics, DPUB-ARIA)."""
_CLASSES = {
    "footnote": "footnotes", "footnotes": "footnotes", "endnote": "footnotes", "endnotes": "footnotes",
    "pg-boilerplate": "licence of Project Gutenberg", "toc": "navigation",
}  # fmt: skip


def left_out_as(tag: str, attrs: Attributes) -> str | None:
    """Return what an element is that is not read, such as "footnotes", or "" if uncounted; None if it is read."""
    if tag in _TAGS:
        return _TAGS[tag]
    if tag == "a" and _is_note_mark(attrs):
        return "footnote marks"
    for kind in _types(attrs):
        if kind in _TYPES:
            return _TYPES[kind]
    if tag not in ("a", "body"):
        for name in (attrs.get("class") or "").lower().split():
            if name in _CLASSES:
                return _CLASSES[name]
    return "hidden parts" if _is_hidden(attrs) else None


def _types(attrs: Attributes) -> list[str]:
    roles = [role.removeprefix("doc-") for role in (attrs.get("role") or "").lower().split() if role.startswith("doc-")]
    return [*(attrs.get("epub:type") or "").lower().split(), *roles]


def _is_note_mark(attrs: Attributes) -> bool:
    """Return whether a link leads to a footnote, by its type, role or class."""
    role = f"{attrs.get('epub:type') or ''} {attrs.get('role') or ''} {attrs.get('class') or ''}"
    return any(name in role for name in ("noteref", "footnote", "pagenum", "fnanchor"))


def _is_hidden(attrs: Attributes) -> bool:
    style = (attrs.get("style") or "").replace(" ", "")
    return "hidden" in attrs or "display:none" in style or "pagenum" in (attrs.get("class") or "")
