"""Dates and years: 2026-11-21, 11/21/2026 or 21/11/2026, 3 May, May 3rd, 1914–1918, the 1990s, 44 BC."""

import re

from core_engine.reading.forms import Form, sentence_end, words
from core_engine.reading.numerals import BARE, cardinal, ordinal, pairs, plural, year

MONTHS = words("January February March April May June July August September October November December")
_SHORT = words("jan feb mar apr may jun jul aug sep oct nov dec")
_DAYS = {
    "mon": "Monday", "tue": "Tuesday", "tues": "Tuesday", "wed": "Wednesday", "weds": "Wednesday",
    "thu": "Thursday", "thur": "Thursday", "thurs": "Thursday", "fri": "Friday", "sat": "Saturday", "sun": "Sunday",
}  # fmt: skip
_SHORT_DAYS = "Mon|Tues?|Weds?|Thu(?:rs?)?|Fri|Sat|Sun"
_MONTH = rf"(?P<month>{'|'.join(MONTHS)}|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\b\.?)"
_ANY_CASE_MONTH = _MONTH.replace("(?P<month>", "(?P<month>(?i:").removesuffix(")") + "))"
_YEAR = r"(?P<year>[12]\d{3}|['’]\d\d)"
_DAY = r"(?P<day>3[01]|[12]\d|0?[1-9])"
_END = r"(?![\w/]|[.,:]\d|-\d)"
_SPAN = r"\s?[–—-]\s?"
_OF_AGES = r"(?: ?(?P<era>BCE|CE|BC|AD|B\.C\.E\.|B\.C\.|C\.E\.|A\.D\.))"
_BEFORE_YEARS = (
    "in|since|by|from|until|till|before|after|of|year|years|during|around|circa|early|late|mid|spring|summer|autumn|"
    "fall|winter|between|and|to|about|Christmas|class|AD|through|or"
)
_PLURAL_AHEAD = re.compile(r" (?:people|men|women|children|feet|percent|per|million|billion|[a-z]{3,}s)\b")
_NO_PLURAL = frozenset(
    words(
        "was has this his its thus does says perhaps always across towards besides plus less unless yes as is sees "
        "becomes became remains seems marks makes sits stands comes goes versus"
    )
)


def date(day: int, month: int, year_words: str, british: bool) -> str:
    """Return a date in words: "May third, twenty twenty", or in British English "the third of May, twenty twenty"."""
    name = MONTHS[month - 1]
    spoken = f"the {ordinal(day, british)} of {name}" if british else f"{name} {ordinal(day, british)}"
    return f"{spoken}, {year_words}" if year_words else spoken


def _month_number(name: str) -> int:
    return _SHORT.index(name[:3].lower()) + 1


def _year_words(written: str | None, british: bool) -> str:
    """Return the year after a date in words; "'98" is ninety-eight."""
    if not written:
        return ""
    number = int(written.lstrip("'’"))
    return (
        f"oh {cardinal(number, british)}" if len(written.lstrip("'’")) == 2 and number < 10 else year(number, british)
    )


def _iso(match: re.Match[str], british: bool) -> str | None:
    month, day = int(match["month"]), int(match["day"])
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return date(day, month, year(int(match["year"]), british), british) + (", " if match["time"] else "")


def _numeric(match: re.Match[str], british: bool) -> str | None:
    first, second = int(match["first"]), int(match["second"])
    day_first = british or match["sign"] == "."
    if (first if not day_first else second) > 12:  # no such month: the other order was meant
        day_first = not day_first
    day, month = (first, second) if day_first else (second, first)
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return None
    return date(day, month, _year_words(match["year"], british), british)


def _day_month(match: re.Match[str], british: bool) -> str:
    month = MONTHS[_month_number(match["month"]) - 1]
    days = _days(match, british)
    article = "" if match["the"] else "the "
    of = f"{match['the'] or ''}{article}{days} of {month}"
    return _with_year(of, match, british) + sentence_end(match)


def _month_day(match: re.Match[str], british: bool) -> str:
    month = MONTHS[_month_number(match["month"]) - 1]
    the = "the " if british else ""
    return _with_year(f"{month} {the}{_days(match, british)}", match, british)


def _with_year(spoken: str, match: re.Match[str], british: bool) -> str:
    return f"{spoken}, {_year_words(match['year'], british)}" if match["year"] else spoken


def _days(match: re.Match[str], british: bool) -> str:
    spoken = ordinal(int(match["day"]), british)
    return f"{spoken} to {ordinal(int(match['last']), british)}" if match["last"] else spoken


def _month_year(match: re.Match[str], british: bool) -> str:
    return f"{MONTHS[_month_number(match['month']) - 1]}{match['comma'] or ''} {_year_words(match['year'], british)}"


def _month_alone(match: re.Match[str], _british: bool) -> str:
    return MONTHS[_month_number(match["month"]) - 1]


def _weekday(match: re.Match[str], _british: bool) -> str:
    return _DAYS[match["day"].lower()]


def _weekdays(match: re.Match[str], british: bool) -> str:
    return f"{_weekday(match, british)} to {_DAYS[match['last'].lower()]}"


def _years(match: re.Match[str], british: bool) -> str | None:
    first, last = match["first"], match["last"]
    if len(last) == 2 and int(last) <= int(first[2:]):
        return None
    spoken = year(int(last), british) if len(last) == 4 else cardinal(int(last), british)
    return f"{year(int(first), british)} to {spoken}"


def _decade(match: re.Match[str], british: bool) -> str:
    number = match["number"]
    if len(number) == 2:
        return plural(cardinal(int(number), british))
    words = pairs(int(number), british) if number[1:3] != "00" else cardinal(int(number), british)
    return plural(words)


def _era(match: re.Match[str], british: bool) -> str:
    number = match["number"].replace(",", "")
    words = pairs(int(number), british) if len(number) in (3, 4) and "," not in match["number"] else ""
    if not words or int(number) % 1000 < 10:
        words = cardinal(int(number), british)
    return f"{words} {' '.join(match['era'].replace('.', ''))}"


def _anno(match: re.Match[str], british: bool) -> str:
    return f"A-D {_era_year(match['number'], british)}"


def _era_year(number: str, british: bool) -> str:
    return pairs(int(number), british) if len(number) in (3, 4) else cardinal(int(number), british)


def _circa(match: re.Match[str], british: bool) -> str:
    return f"circa {_era_year(match['number'], british)}"


def _year(match: re.Match[str], british: bool) -> str | None:
    number = int(match["number"])
    if not (match["before"] or 1300 <= number <= 2099):
        return None
    behind = _PLURAL_AHEAD.match(match.string, match.end())
    if not match["before"] and behind and behind.group().strip() not in _NO_PLURAL:
        return None
    return f"{match['before'] or ''}{year(number, british)}"


def _short_year(match: re.Match[str], british: bool) -> str:
    return f"{match['before']}{_year_words(match['year'], british)}"


_ORDINAL_DAY = rf"{_DAY}(?:st|nd|rd|th)?(?:{_SPAN}(?P<last>3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?)?"
_CERTAIN_DAY = rf"{_DAY}(?:st|nd|rd|th)(?:{_SPAN}(?P<last>3[01]|[12]\d|0?[1-9])(?:st|nd|rd|th)?)?"
_COMMA_YEAR = rf"(?:,? {_YEAR}(?![\w]|,\d|-\d))?"
NUMERIC_DATES = (
    Form(
        rf"{BARE}(?P<year>\d{{4}})([-/.])(?P<month>\d\d?)\2(?P<day>\d\d?)(?:(?P<time>[T ])(?=\d\d?:\d)|"
        rf"(?![\w/]|-\d))",
        _iso,
    ),
    Form(
        rf"{BARE}(?P<first>\d{{1,2}})(?P<sign>[/.-])(?P<second>\d{{1,2}})(?P=sign)(?P<year>\d{{4}}|\d\d){_END}",
        _numeric,
    ),
)
DATES = (
    Form(rf"{BARE}(?P<the>\b[Tt]he )?(?<!\d ){_ORDINAL_DAY}(?: of)? {_MONTH}{_COMMA_YEAR}(?!\w)", _day_month),
    Form(rf"\b{_MONTH},? (?:the )?{_ORDINAL_DAY}(?![\w/:]|[.,]\d|\s?%|-\d){_COMMA_YEAR}", _month_day),
    Form(rf"\b{_MONTH}(?P<comma>,)? {_YEAR}(?![\w–-]|,\d)", _month_year),
    Form(rf"{BARE}(?P<first>[12]\d{{3}}){_SPAN}(?P<last>[12]\d{{3}}|\d\d)(?!['’\w]|[.,]\d|-\d)", _years),
    Form(rf"{BARE}(?P<first>1[5-9]\d\d|20\d\d)/(?P<last>\d\d)(?![\w/])", _years),
    Form(r"(?<![\w.,])['’]?(?P<number>[12]\d\d0|\d0)(?:['’]?s)\b", _decade),
    Form(rf"{BARE}(?P<number>\d{{1,3}}(?:,\d{{3}})+|\d{{1,5}}){_OF_AGES}(?!\w)", _era),
    Form(r"\b(?:AD|A\.D\.) ?(?P<number>\d{1,4})\b(?!,\d)", _anno),
)
ABBREVIATED_DAYS = (
    Form(rf"\b(?P<day>{_SHORT_DAYS})\.?{_SPAN}(?P<last>{_SHORT_DAYS})\b\.?", _weekdays),
    Form(
        r"\b(?P<month>Jan|Feb|Aug|Sept?|Oct|Nov|Dec|Apr)\.(?= ?[,;)]| [a-z])|\b(?P<same>Sept)\b",
        lambda m, _b: MONTHS[_month_number(m["month"] or m["same"]) - 1],
    ),
    Form(
        r"\b(?P<day>Mon|Tues?|Weds?|Thu(?:rs?)?|Fri|Sat|Sun)(?:\.,?(?= )|,)(?= (?:\d|[A-Z][a-z]|at |the ))",
        _weekday,
    ),
)
YEARS = (
    Form(r"(?<![\w.])(?:c|ca)\.? ?(?P<number>[12]\d{3}|\d{2,3})\b(?![,.]?\d)", _circa),
    Form(
        rf"(?<![\w.,/$£€])(?P<before>(?<!\w)(?i:{_BEFORE_YEARS}) )?(?P<number>1\d{{3}}|20\d\d)"
        rf"(?![\w/%°]|[.,:]\d|-\d)",
        _year,
    ),
    Form(
        r"\b(?P<before>(?i:in|of|since|the|early|late|and|to|from|by|until|summer|winter|spring|fall|autumn) )"
        r"(?P<year>['’]\d\d)\b",
        _short_year,
    ),
)
