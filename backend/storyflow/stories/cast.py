"""The cast of a story: names at the start of lines, `Holmes: "Come in."`, and the voices that speak these lines."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

NARRATOR = "Narrator"
"""The name of who speaks all that nobody else does."""


@dataclass(frozen=True)
class Member:
    """A member of the cast."""

    name: str
    voice: str
    line: int
    """Where the story names it, counted from 1."""

    @property
    def key(self) -> str:
        """The name as it is compared: without regard to case and spaces."""
        return " ".join(self.name.casefold().split())

    @property
    def is_narrator(self) -> bool:
        """Whether it speaks all that nobody else does."""
        return self.key == NARRATOR.casefold()


@dataclass(frozen=True)
class Cast:
    """Who speaks in a story."""

    members: tuple[Member, ...] = ()

    @property
    def narrator(self) -> str | None:
        """The narrator's voice, if the cast has one."""
        return next((member.voice for member in self.members if member.is_narrator), None)

    def member_with(self, voice: str) -> Member | None:
        """Return the first member with this voice."""
        return next((member for member in self.members if member.voice == voice), None)

    def line(self, text: str) -> tuple[Member, str] | None:
        """Return who says a line that begins with a name and a colon, and what is said; None for any other line."""
        match = self._name.match(text) if self._name else None
        member = self._by_key.get(" ".join(match["name"].casefold().split())) if match else None
        return (member, text[match.end() :].strip()) if match and member else None

    def begins(self, text: str) -> bool:
        """Return whether a line begins with a name and a colon."""
        return self.line(text) is not None

    def cut(self, text: str) -> Iterator[str]:
        """Split a paragraph before each of its lines that begins with a name."""
        lines: list[str] = []
        for line in text.split("\n"):
            if lines and self.begins(line):
                yield "\n".join(lines)
                lines = []
            lines.append(line)
        yield "\n".join(lines)

    @cached_property
    def _by_key(self) -> dict[str, Member]:
        return {member.key: member for member in self.members}

    @cached_property
    def _name(self) -> re.Pattern[str] | None:
        """A name and a colon, perhaps with the signs of emphasis around them."""
        if not self.members:
            return None
        choice = "|".join(r"\s+".join(map(re.escape, member.name.split())) for member in self.members)
        return re.compile(rf"\s*[*_]{{0,3}}(?P<name>{choice})\s*[*_]{{0,3}}[:：][*_]{{0,3}}\s*", re.IGNORECASE)


NO_CAST = Cast()
