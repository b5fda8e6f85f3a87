"""Read the front matter of a story: a block of YAML between two lines `---` at its head.

---
title: A Scandal in Bohemia
cast: {Narrator: bm_george, Holmes: am_adam}
---
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from storyflow.stories.cast import NO_CAST, Cast, Member

if TYPE_CHECKING:
    from yaml import MappingNode, Node

_KNOWN = frozenset(["title", "author", "authors", "language", "lang", "cast", "dialogue", "lexicon", "speed", "voice"])
_KEY = re.compile(r"[\"']?(?P<key>[A-Za-z_][\w-]*)[\"']?\s*:(?:\s|$)")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8})*")
_LONGEST = 64 * 1024
_SPEEDS = (0.5, 2.0)

_T = TypeVar("_T")


class FrontMatterError(ValueError):
    """The front matter cannot be used; the message names the line and says what to do."""


@dataclass(frozen=True)
class FrontMatter:
    """What the head of a story says about all of it."""

    title: str | None = None
    author: str | None = None
    language: str | None = None
    cast: Cast = NO_CAST
    voice: str | None = None
    """The voice of the narrator."""
    dialogue: str | None = None
    """The voice for what is in quotation marks."""
    lexicon: str | None = None
    """Path of the pronunciation list, relative to the story."""
    speed: float | None = None


NO_FRONT_MATTER = FrontMatter()


def split_front_matter(text: str) -> tuple[FrontMatter, str]:
    """Return the front matter of a story, and the text after it.

    A line `---` that is not followed by a key of front matter is a scene break. Raises FrontMatterError.
    """
    if not text.startswith("---"):
        return NO_FRONT_MATTER, text
    lines = text[:_LONGEST].split("\n")
    if lines[0].rstrip() != "---" or not _is_front_matter(lines[1:]):
        return NO_FRONT_MATTER, text
    end = _end(lines)
    if end is None:
        raise FrontMatterError("begins with front matter that does not end. Add a line '---' after its last line.")
    return _parsed("\n".join(lines[1:end])), "".join(text.split("\n", end + 1)[end + 1 :])


def _end(lines: Sequence[str]) -> int | None:
    return next((number for number, line in enumerate(lines) if number and line.rstrip() in ("---", "...")), None)


def _is_front_matter(lines: Sequence[str]) -> bool:
    """Return whether the lines after the first `---` start with a key: one that is known, or in small letters."""
    first = next((line for line in lines if line.strip() and not line.startswith("#")), "")
    key = _KEY.match(first)
    if not key or not lines[0].strip():
        return False
    return key["key"].lower() in _KNOWN or (key["key"].islower() and _end(["---", *lines]) is not None)


def _parsed(text: str) -> FrontMatter:
    import yaml  # only stories with front matter need it

    try:
        # Composed, not loaded: every scalar stays text (the language "no" is no boolean), and aliases do not grow.
        node = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        line = (error.problem_mark.line if error.problem_mark else 0) + 2
        raise FrontMatterError(
            f"has front matter that is not valid YAML in line {line}: {error.problem}. Write `key: value` lines."
        ) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise FrontMatterError(
            f"has front matter that is not valid YAML: {error}. Write `key: value` lines."
        ) from error
    if not isinstance(node, yaml.MappingNode):
        raise FrontMatterError("has front matter that is not a list of `key: value` lines.")
    return _Values(node).front_matter()


class _Values:
    """The values of a YAML mapping, checked one by one."""

    def __init__(self, node: "MappingNode") -> None:
        self._nodes: dict[str, Node] = {str(key.value).lower(): value for key, value in node.value}

    def front_matter(self) -> FrontMatter:
        """Return all of them; raise FrontMatterError for the first that is wrong."""
        cast = self._of("cast", _cast) or NO_CAST
        return FrontMatter(
            title=self._of("title", _text),
            author=self._of("author", _text) or self._of("authors", _text),
            language=self._of("language", _language) or self._of("lang", _language),
            cast=cast,
            voice=cast.narrator or self._of("voice", _text),
            dialogue=self._of("dialogue", _text),
            lexicon=self._of("lexicon", _text),
            speed=self._of("speed", _speed),
        )

    def _of(self, key: str, read: "Callable[[str, Node], _T]") -> _T | None:
        node = self._nodes.get(key)
        return None if node is None or node.value == "" else read(key, node)


def _line(node: "Node") -> int:
    return int(node.start_mark.line) + 2  # counted from 1, after the `---`


def _text(key: str, node: "Node") -> str:
    import yaml

    texts = node.value if isinstance(node, yaml.SequenceNode) else [node]
    if not texts or not all(isinstance(text, yaml.ScalarNode) for text in texts):
        raise FrontMatterError(f"has no text for '{key}' in line {_line(node)}. Write `{key}: text`.")
    return ", ".join(" ".join(str(text.value).split()) for text in texts)


def _language(key: str, node: "Node") -> str:
    tag = _text(key, node).replace("_", "-")
    if not _LANGUAGE.fullmatch(tag):
        raise FrontMatterError(
            f"has '{tag[:40]}' for '{key}' in line {_line(node)}, which is no language tag. Write `en` or `pt-br`."
        )
    return tag


def _speed(key: str, node: "Node") -> float:
    try:
        speed = float(_text(key, node))
    except ValueError:
        speed = 0.0
    if not _SPEEDS[0] <= speed <= _SPEEDS[1]:
        raise FrontMatterError(f"has a '{key}' in line {_line(node)} that is not a number from 0.5 to 2.")
    return speed


def _cast(_key: str, node: "Node") -> Cast:
    import yaml

    if not isinstance(node, yaml.MappingNode):
        raise FrontMatterError(
            f"has a cast in line {_line(node)} that is not a list of names with voices. "
            f"Write `cast: {{Narrator: bm_george, Holmes: am_adam}}`, or one `Name: voice` per line."
        )
    members: dict[str, Member] = {}
    for key, value in node.value:
        line = _line(key)
        member = Member(_text("cast", key), _text("cast", value) if value.value else "", line)
        if not member.name or not member.voice:
            raise FrontMatterError(
                f"has a member of the cast without name or voice in line {line}. Write `Name: voice`."
            )
        if members.setdefault(member.key, member) is not member:
            raise FrontMatterError(
                f"has '{member.name}' twice in the cast: in lines {members[member.key].line} and {line}."
            )
    return Cast(tuple(members.values()))
