"""Marks around words: HTML entities, dashes, stage marks such as [sic], footnote numbers, emoji."""

import re
import unicodedata

from core_engine.reading.forms import Form, fixed

_STAGE = (
    "sic|laughs?|laughter|laughing|applause|pause|music|sighs?|cheers|cheering|crosstalk|inaudible|silence|coughs?|"
    "crying|whispers?|illustration|footnote|citation needed|edit|beat"
)
_EMOJI = (
    "\u203c\u2049\u231a-\u23ff\u25fb-\u25fe\u2600-\u27bf\u2934-\u2935\u2b05-\u2b55"
    "\U0001f000-\U0001f3fa\U0001f400-\U0001faff"
)
_MODIFIERS = "\ufe0e\ufe0f\u20e3\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f"
_FLAGS = "\U0001f1e6-\U0001f1ff"
_ONE_EMOJI = rf"(?:[{_FLAGS}]{{2}}|[{_EMOJI}][{_MODIFIERS}]*(?:\u200d[{_EMOJI}][{_MODIFIERS}]*)*)"
_NAMES = {
    "❤": "red heart", "👍": "thumbs up", "👎": "thumbs down", "✓": "check mark", "✔": "check mark", "☺": "smiling face",
    "☹": "frowning face", "⭐": "star", "★": "star", "☆": "star", "✨": "sparkles", "☀": "sun", "✌": "victory hand",
    "😊": "smiling face", "💩": "pile of poo", "♥": "heart", "✅": "check mark", "❌": "cross mark",
    "🙏": "folded hands",
    "🎉": "party popper", "🤣": "rolling on the floor laughing", "😍": "smiling face with heart eyes",
    "👏": "clapping hands",
}  # fmt: skip


def _entity(match: re.Match[str], _british: bool) -> str | None:
    import html  # with a table of 2,000 names that few texts need

    character = html.unescape(match.group())
    return None if character == match.group() else character.replace("\u00a0", " ")


def _emoji(match: re.Match[str], _british: bool) -> str | None:
    first = match["first"]
    name = _flag(first) if "\U0001f1e6" <= first[0] <= "\U0001f1ff" else _name(first[0])
    if not name:
        return None
    before = match.string[match.start() - 1 : match.start()]
    behind = match.string[match.end() : match.end() + 1]
    left = "" if not before or before.isspace() or before in '([“"' else " "
    return f"{left}{name}{'' if not behind or not behind.isalnum() else ' '}"


def _name(character: str) -> str:
    known = _NAMES.get(character)
    if known:
        return known
    name = unicodedata.name(character, "").lower().replace("-", " ")
    return name.removesuffix(" sign").removesuffix(" symbol").removeprefix("heavy ").removeprefix("black ")


def _flag(pair: str) -> str:
    letters = " ".join(chr(ord(sign) - 0x1F1E6 + ord("A")) for sign in pair)
    return f"flag of {letters}"


ENTITIES = (
    Form(r"&(?:[A-Za-z]{2,8}\d{0,2}|#\d{1,7}|#[xX][0-9A-Fa-f]{1,6});", _entity),
    fixed(r"(?<=\d)[\u00a0\u202f\u2009](?=[^\d\s])", " "),
)
MARKS = (
    fixed(rf"\s?\[(?:{_STAGE})(?:[:.][^\]\n]{{0,200}})?\]", "", re.IGNORECASE),
    fixed(r"(?<=[\w.,;:!?\"”’)])(?:\[\d{1,3}(?:[,–-]\s?\d{1,3}){0,5}\])+", ""),
)
EMOJI = (Form(rf"(?P<first>{_ONE_EMOJI})(?:\s?(?P=first))*", _emoji),)
DASHES = (
    fixed(r"(?<=\w)(?:---?)(?=\w)", "—"),
    fixed(r"(?<![-\w])-{2,3}(?![-])|(?<=\w)-{2,3}(?![-])|(?<=\S)-{2,3}(?!-)", "—"),
    fixed(r"(?<=\S)[ \t][–―‒][ \t]?(?=\S)|(?<=[^\W\d])[–―‒][ \t](?=\S)", " — "),
    fixed(r"(?<=\S)[ \t]-[ \t](?=\S)", " — "),
    fixed(r"(?<=[A-Za-z])[–‑‐](?=[A-Za-z\d])", "-"),
    fixed(r"[–―‒]", "—"),
)
