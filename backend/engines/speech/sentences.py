"""Long texts cut at sentences, because a model takes only so much at once."""

import re

# What ends a piece: after it comes white space, or nothing in scripts that write none. From the best cut to the worst.
_SENTENCE = re.compile(r"(?<=[.!?…])[\"'”’»)\]]*\s+|(?<=[。！？])[」』”]?|\n+")
_CLAUSE = re.compile(r"(?<=[,;:—–])\s+|(?<=[，、；：])")
_WORD = re.compile(r"\s+")


def cut_at_sentences(text: str, longest: int) -> list[str]:
    """Return `text` as pieces of at most `longest` characters: as many whole sentences as fit into each.

    A sentence that is too long is cut at clauses, then at words, then anywhere. Nothing but white space at the cuts is
    left out; blank text gives no piece. Raises ValueError unless `longest` is positive.
    """
    if longest < 1:
        raise ValueError(f"A piece needs room for a character, not {longest}.")
    return _packed(text, longest, (_SENTENCE, _CLAUSE, _WORD))


def _packed(text: str, longest: int, cuts: tuple[re.Pattern[str], ...]) -> list[str]:
    """Fill pieces with the parts that the first of `cuts` finds; a part that is too long is cut by the others."""
    text = text.strip()
    if len(text) <= longest:
        return [text] if text else []
    if not cuts:
        return [text[start : start + longest].strip() for start in range(0, len(text), longest)]
    pieces: list[str] = []
    start, end = 0, 0  # of the piece that is being filled
    for stop in [*(match.end() for match in cuts[0].finditer(text)), len(text)]:
        if len(text[start:stop].strip()) > longest:
            pieces += _packed(text[start:end], longest, cuts[1:])
            start = end
        end = stop
    return pieces + _packed(text[start:], longest, cuts[1:])
