"""The replacements that the application made in the text before it was spoken."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from engines.contract.errors import RequestError

PATIENCE_S = 1.0  # for one rule; a pattern that backtracks without end would hold the engine for ever


class Rule(Protocol):
    """A replacement, as it comes over the wire."""

    pattern: str
    replacement: str
    is_regex: bool
    is_active: bool


class Pronunciation:
    """The rules that are switched on, in their order."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        """Raise RequestError for a pattern that is no regular expression."""
        self._replacements = [_replacement(rule) for rule in rules if rule.is_active and rule.pattern]

    def applied(self, text: str) -> str:
        """Return `text` as it was given to the speaker; raise RequestError for a pattern that takes for ever."""
        for replace in self._replacements:
            text = replace(text)
        return text

    def readings(self, expected: str, pieces: list[str]) -> Iterator[tuple[str, list[str]]]:
        """Yield pairs, one of which should agree: a listener may write the word or what it sounds like."""
        yield expected, pieces
        if self._replacements:
            spoken = self.applied(expected)
            yield spoken, pieces
            yield spoken, [self.applied(piece) for piece in pieces]


def _replacement(rule: Rule) -> Callable[[str], str]:
    import regex

    literal = None if rule.is_regex else rule.replacement
    try:
        pattern = regex.compile(rule.pattern if rule.is_regex else regex.escape(rule.pattern), regex.IGNORECASE)
    except regex.error as error:
        raise RequestError(f"{_named(rule)} is no regular expression: {error}. Mend it or switch it off.") from error

    def replace(text: str) -> str:
        try:
            template = rule.replacement if literal is None else lambda _: literal
            return str(pattern.sub(template, text, timeout=PATIENCE_S))
        except (regex.error, IndexError) as error:
            raise RequestError(f"{_named(rule)} has a replacement that does not fit it: {error}. Mend it.") from error
        except TimeoutError as error:
            raise RequestError(f"{_named(rule)} takes too long. Simplify it or switch it off.") from error

    return replace


def _named(rule: Rule) -> str:
    return f"The pronunciation rule '{rule.pattern[:80]}'"
