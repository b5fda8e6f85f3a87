"""Times of day, durations, ratios and verses: 13:42, 15:00, 3:45pm, 9am–5pm, 16:9."""

import re

from core_engine.reading.forms import Form, sentence_end
from core_engine.reading.numerals import BARE, cardinal

_HALF = r"(?:\s?(?P<half>[AaPp])\.?\s?[Mm]\b\.?)"
_CLOCK = r"(?P<hour>[01]?\d|2[0-4])[:.](?P<minute>[0-5]\d)"
_SIDES = {(16, 9), (4, 3), (21, 9), (16, 10), (3, 2), (5, 4)}
_BELONGS = re.compile(r",? (?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|[A-Z]{2,4}\b|[A-Z][a-z]+ [Tt]ime\b)")
_BOOKS = re.compile(
    r"\b(?:Genesis|Exodus|Leviticus|Numbers|Deuteronomy|Joshua|Judges|Ruth|Samuel|Kings|Chronicles|Ezra|Nehemiah|Esther|"
    r"Job|Psalms?|Proverbs|Ecclesiastes|Isaiah|Jeremiah|Lamentations|Ezekiel|Daniel|Hosea|Joel|Amos|Jonah|Micah|"
    r"Zechariah|Malachi|Matthew|Mark|Luke|John|Acts|Romans|Corinthians|Galatians|Ephesians|Philippians|Colossians|"
    r"Thessalonians|Timothy|Titus|Philemon|Hebrews|James|Peter|Jude|Revelation|[Ss]urah?|[Vv]erses?|[Cc]hapter) $"
)


def clock(hour: int, minute: int, british: bool, half: str | None = None) -> str:
    """Return a time of day in words; `half` is the letter before the m of "am" and "pm"."""
    if half:
        spoken = f"{cardinal(hour, british)} {_minutes(minute, british)}".rstrip()
        return f"{spoken} {half_of_day(half)}"
    if minute == 0:
        if hour == 0:
            return "midnight"
        return f"{cardinal(hour, british)} {'hundred' if hour > 12 else 'o’clock'}".replace("’", "'")
    return f"{cardinal(hour, british)} {_minutes(minute, british)}"


def half_of_day(letter: str) -> str:
    """Return "A-M" or "P M"; the hyphen keeps the A from being read as an article."""
    return "A-M" if letter in "aA" else "P M"


def _minutes(minute: int, british: bool) -> str:
    if minute == 0:
        return ""
    return f"oh {cardinal(minute, british)}" if minute < 10 else cardinal(minute, british)


def _end(match: re.Match[str]) -> str:
    """Return the full stop if it also ends the sentence; a day or zone that follows belongs to the time."""
    return "" if _BELONGS.match(match.string, match.end()) else sentence_end(match)


def _time(match: re.Match[str], british: bool) -> str | None:
    hour, minute = int(match["hour"]), int(match["minute"])
    return clock(hour, minute, british, match["half"]) + _end(match) if hour < 13 else clock(hour, minute, british)


def _hour(match: re.Match[str], british: bool) -> str | None:
    first = f"{cardinal(int(match['first']), british)} to " if match["first"] else ""
    return f"{first}{clock(int(match['hour']), 0, british, match['half'])}{_end(match)}"


def _plain(match: re.Match[str], british: bool) -> str | None:
    return clock(int(match["hour"]), int(match["minute"]), british)


def _with_seconds(match: re.Match[str], british: bool) -> str:
    second = int(match["second"])
    spoken = clock(int(match["hour"]), int(match["minute"]), british)
    half = f" {half_of_day(match['half'])}{_end(match)}" if match["half"] else ""
    return f"{spoken} and {cardinal(second, british)} second{'' if second == 1 else 's'}{half}"


def _half_days(match: re.Match[str], british: bool) -> str:
    return f"{clock(int(match['hour']), int(match['minute'] or 0), british, match['half'])} to "


def _range(match: re.Match[str], british: bool) -> str:
    parts = re.split(r"\s?[–—-]\s?", match.group())
    times = ([int(number) for number in part.split(":")] for part in parts)
    return " to ".join(clock(hour, minute, british) for hour, minute in times)


def _military(match: re.Match[str], british: bool) -> str:
    hour, minute = int(match["hour"]), int(match["minute"])
    words = ("oh " if 0 < hour < 10 else "") + cardinal(hour, british)
    return f"{words} {_minutes(minute, british) or 'hundred'}"


def _ratio(match: re.Match[str], british: bool) -> str:
    first, second = int(match["first"]), int(match["second"])
    words = f"{cardinal(first, british)} %s {cardinal(second, british)}"
    if (first, second) in _SIDES:
        return words % "by"
    if first > 24 and len(match["second"]) == 2 and second < 60:  # minutes and seconds
        return f"{cardinal(first, british)} {_minutes(second, british)}".rstrip()
    before = match.string[max(0, match.start() - 20) : match.start()]
    return (words % "").replace("  ", " ") if _BOOKS.search(before) else words % "to"


CLOCK = (
    Form(rf"{BARE}(?P<hour>[01]\d|2[0-4])(?P<minute>[0-5]\d)(?= (?:hours|hrs|UTC|GMT)\b)", _military),
    Form(
        rf"{BARE}(?P<hour>1[0-2]|0?[1-9])(?:[:.](?P<minute>[0-5]\d))?{_HALF}\s?[–—-]\s?(?=\d)",
        _half_days,
    ),
    Form(rf"(?:{BARE}|(?<=\dT)){_CLOCK}:(?P<second>[0-5]\d)(?:\.\d+)?(?:{_HALF}|Z)?(?![\w:])", _with_seconds),
    Form(rf"{BARE}{_CLOCK}{_HALF}(?!\w)", _time),
    Form(rf"{BARE}(?:(?P<first>1[0-2]|[1-9])\s?[–—-]\s?)?(?P<hour>1[0-2]|0?[1-9]){_HALF}(?!\w)", _hour),
    Form(
        rf"{BARE}(?:[01]?\d|2[0-4]):[0-5]\d\s?[–—-]\s?(?:[01]?\d|2[0-4]):[0-5]\d(?![\w:])",
        _range,
    ),
)
RATIOS = (
    Form(r"(?<![\w.,:])(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?![\w:])(?!-\d)", _plain),
    Form(rf"{BARE}(?<!:)(?P<first>\d{{1,4}}):(?P<second>\d{{1,4}})(?![\w:]|\.\d)", _ratio),
)
