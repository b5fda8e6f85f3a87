"""Normalise English text for the model: expand abbreviations, numbers, money, times and quotes.

The rules and their order are those of Kokoro v0.19's training text, including the odd ones (`'s` after a capital
consonant, one-digit cents that mean tens). Every rule runs in linear time.
"""

import re
from collections.abc import Callable

_CHARACTERS = str.maketrans(
    {
        "‘": "'",
        "’": "'",
        "«": '"',
        "»": '"',
        "“": '"',
        "”": '"',
        "(": "«",
        ")": "»",
        "、": ", ",
        "。": ". ",
        "！": "! ",
        "，": ", ",
        "：": ": ",
        "；": "; ",
        "？": "? ",
    }
)

_DIGIT_GROUPS = re.compile(r"(?<=\d),(?=\d)")
_DECIMAL = r"(?<!\d)\d+\.\d+|\.\d+"
"""A decimal number. The lookbehind keeps a long run of digits without a dot linear."""

_NUMBER_YEAR_OR_TIME = re.compile(rf"{_DECIMAL}|\b\d{{4}}s?\b|(?<!:)\b(?:[1-9]|1[0-2]):[0-5]\d\b(?!:)")
_MONEY = re.compile(
    r"[$£]\d+(?:\.\d+)?(?: hundred| thousand| (?:[bm]|tr)illion)*\b|[$£]\d+\.\d\d?\b",
    re.IGNORECASE,
)
_DOTTED_INITIALS = re.compile(r"((?:[A-Za-z]\.){2,})( [a-z])?")
"""Two or more initials; the lower-case letter after them is optional so that no run is matched twice."""

Replacement = str | Callable[[re.Match[str]], str]


def _year_in_words(digits: str) -> str:
    """Return a four-digit number, with or without an `s`, in the pairs in which a year is read."""
    year = int(digits[:4])
    if year < 1100 or year % 1000 < 10:
        return digits
    century, rest, plural = digits[:2], int(digits[2:4]), digits[4:]
    if year % 1000 >= 100 and rest == 0:
        return f"{century} hundred{plural}"
    if year % 1000 >= 100 and rest < 10:
        return f"{century} oh {rest}{plural}"
    return f"{century} {rest}{plural}"


def _time_in_words(clock: str) -> str:
    hour, minute = (int(part) for part in clock.split(":"))
    if minute == 0:
        return f"{hour} o'clock"
    return f"{hour} oh {minute}" if minute < 10 else f"{hour} {minute}"


def _year_or_time(match: re.Match[str]) -> str:
    number = match.group()
    if "." in number:  # decimal numbers have their own rule below
        return number
    return _time_in_words(number) if ":" in number else _year_in_words(number)


def _money_in_words(match: re.Match[str]) -> str:
    sign, amount = match.group()[0], match.group()[1:]
    unit = "dollar" if sign == "$" else "pound"
    if amount[-1].isalpha():  # "5 million"
        return f"{amount} {unit}s"
    whole, _, fraction = amount.partition(".")
    units = f"{whole} {unit}" if whole == "1" else f"{whole} {unit}s"
    return f"{units} and {_coins_in_words(sign, fraction)}" if fraction else units


def _coins_in_words(sign: str, fraction: str) -> str:
    coins = int(fraction.ljust(2, "0"))  # one digit means tens
    if sign == "$":
        return f"{coins} cent" if coins == 1 else f"{coins} cents"
    return f"{coins} penny" if coins == 1 else f"{coins} pence"


def _digit_by_digit(match: re.Match[str]) -> str:
    whole, _, fraction = match.group().partition(".")
    return f"{whole} point {' '.join(fraction)}"


def _hyphens_for_dots(match: re.Match[str]) -> str:
    initials, letter = match.groups()
    return match.group() if letter is None else initials.replace(".", "-") + letter


_RULES: tuple[tuple[re.Pattern[str], Replacement], ...] = (
    # spaces
    (re.compile(r"[^\S \n]"), " "),
    (re.compile(r"  +"), " "),
    (re.compile(r"(?<=\n) +(?=\n)"), ""),
    # titles and other words
    (re.compile(r"\bD[Rr]\.(?= [A-Z])"), "Doctor"),
    (re.compile(r"\b(?:Mr\.|MR\.(?= [A-Z]))"), "Mister"),
    (re.compile(r"\b(?:Ms\.|MS\.(?= [A-Z]))"), "Miss"),
    (re.compile(r"\b(?:Mrs\.|MRS\.(?= [A-Z]))"), "Mrs"),
    (re.compile(r"\betc\.(?! [A-Z])"), "etc"),
    (re.compile(r"\b(y)eah?\b", re.IGNORECASE), r"\1e'a"),
    # numbers
    (_NUMBER_YEAR_OR_TIME, _year_or_time),
    (_DIGIT_GROUPS, ""),
    (_MONEY, _money_in_words),
    (re.compile(_DECIMAL), _digit_by_digit),
    (re.compile(r"(?<=\d)-(?=\d)"), " to "),
    (re.compile(r"(?<=\d)S"), " S"),
    # possessives and plurals of letters, then initials
    (re.compile(r"(?<=[BCDFGHJ-NP-TV-Z])'?s\b"), "'S"),
    (re.compile(r"(?<=X')S\b"), "s"),
    (_DOTTED_INITIALS, _hyphens_for_dots),
    (re.compile(r"(?<=[A-Z])\.(?=[A-Z])", re.IGNORECASE), "-"),
)


def normalize(text: str) -> str:
    """Return `text` with everything except words and marks expanded to words; see the module for the source."""
    text = text.translate(_CHARACTERS)
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text.strip()
