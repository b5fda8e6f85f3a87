"""Plain numbers: cardinals, ordinals, decimals, fractions, ranges, lists, versions and signed numbers."""

import re

from core_engine.reading.forms import Form
from core_engine.reading.numerals import BARE, NUMBER, WHOLE, amount, cardinal, digits, ordinal, pairs

DASH = r"\s?[–—-]\s?"
"""Pattern between the ends of a range."""

VULGAR = {
    "½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅖": (2, 5), "⅗": (3, 5),
    "⅘": (4, 5), "⅙": (1, 6), "⅚": (5, 6), "⅛": (1, 8), "⅜": (3, 8), "⅝": (5, 8), "⅞": (7, 8),
}  # fmt: skip
_FRACTIONS = frozenset([2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 20, 32, 64])
_SET_PHRASES = {
    "24/7": "twenty-four seven", "9/11": "nine eleven", "7/7": "seven seven", "50/50": "fifty-fifty",
    "50-50": "fifty-fifty", "20/20": "twenty twenty",
}  # fmt: skip


def fraction(top: int, bottom: int, british: bool) -> str:
    """Return a fraction in words: one half, two thirds, three quarters; "over" for uncommon fractions."""
    if bottom not in _FRACTIONS or top >= bottom or top == 0:
        return f"{cardinal(top, british)} over {cardinal(bottom, british)}"
    part = {2: "half", 4: "quarter"}.get(bottom) or ordinal(bottom, british)
    plurals = {"half": "halves"}
    return f"{cardinal(top, british)} {part if top == 1 else plurals.get(part, part + 's')}"


def mixed(whole: str, top: int, bottom: int, british: bool) -> str:
    """Return a whole number and a fraction in words: two and a half."""
    part = fraction(top, bottom, british)
    return f"{amount(whole, british)} and {'a' + part.removeprefix('one') if part.startswith('one ') else part}"


def _signed(match: re.Match[str], british: bool) -> str:
    return f"minus {amount(match['number'], british)}"


def _slashed(match: re.Match[str], british: bool) -> str | None:
    if match.group() in _SET_PHRASES:
        return _SET_PHRASES[match.group()]
    top, bottom = int(match["top"]), int(match["bottom"])
    if match["whole"]:
        return mixed(match["whole"].strip(" -"), top, bottom, british) if 0 < top < bottom else None
    if bottom in (10, 100) and top <= bottom:
        return f"{cardinal(top, british)} out of {cardinal(bottom, british)}"
    return fraction(top, bottom, british)


def _vulgar(match: re.Match[str], british: bool) -> str:
    top, bottom = VULGAR[match["sign"]]
    return mixed(match["whole"], top, bottom, british) if match["whole"] else fraction(top, bottom, british)


def _ordinal(match: re.Match[str], british: bool) -> str | None:
    number = int(match["number"].replace(",", ""))
    teen = number % 100 in (11, 12, 13)
    right = "th" if teen else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return ordinal(number, british) if match["suffix"].lower() == right else None


def _ordinals(match: re.Match[str], british: bool) -> str:
    return f"{ordinal(int(match['number']), british)} to {ordinal(int(match['last']), british)}"


def _list(match: re.Match[str], british: bool) -> str | None:
    parts = match.group().split(",")
    if len(parts) > 1 and all(len(part) == 3 for part in parts[1:]) and len(parts[0]) <= 3:
        return None  # a number in groups of thousands
    return ", ".join(amount(part, british) for part in parts)


def _dotted(match: re.Match[str], british: bool) -> str:
    parts = match["number"].split(".")
    spoken = " point ".join(amount(part, british) for part in parts)
    return f"{match['before'] or ''}{' ' if match['before'] else ''}{spoken}"


def _range(match: re.Match[str], british: bool) -> str | None:
    if match.group() in _SET_PHRASES:
        return _SET_PHRASES[match.group()]
    return f"{amount(match['first'], british)} to {amount(match['last'], british)}"


def _difference(match: re.Match[str], british: bool) -> str:
    return f"{amount(match['first'], british)} minus "


def _comparison(match: re.Match[str], _british: bool) -> str:
    words = {"<": "less than", ">": "greater than", "<=": "less than or equal to", ">=": "greater than or equal to"}
    return f" is {words[match['sign']]} "


def _approximate(_match: re.Match[str], _british: bool) -> str:
    return "about "


def _apart(match: re.Match[str], _british: bool) -> str:
    return " ".join(digits(part) for part in re.split(r"\D+", match.group()))


def _number(match: re.Match[str], british: bool) -> str:
    return amount(match["number"], british)


def _embedded(match: re.Match[str], british: bool) -> str:
    left = "" if match["before"] is None else " "
    return f"{left}{_number(match, british)}{'' if match['behind'] is None else ' '}"


def _product(match: re.Match[str], british: bool) -> str:
    return f"{amount(match['first'], british)} times "


def _hexadecimal(match: re.Match[str], _british: bool) -> str:
    return "zero X " + " ".join(digits(sign) or sign.upper() for sign in match["digits"])


def _scaled(match: re.Match[str], british: bool) -> str:
    scale = {"bn": "billion", "tn": "trillion", "M": "million"}[match["scale"]]
    return f"{amount(match['number'], british)} {scale}"


def _grouped(match: re.Match[str], british: bool) -> str | None:
    number = re.sub(r"\D", "", match.group())
    return None if number.startswith("0") else amount(number, british)


def _street(match: re.Match[str], british: bool) -> str:
    number = match["number"]
    spoken = pairs(int(number), british) if len(number) in (3, 4) and number[0] != "0" else amount(number, british)
    return f"{spoken} {match['letter']}" if match["letter"] else spoken


def _emergency(match: re.Match[str], _british: bool) -> str:
    return match["verb"] + digits(match["number"])


FRACTIONS = (
    Form(rf"{BARE}(?:(?P<whole>\d{{1,4}})[ -]?)?(?P<sign>[{''.join(VULGAR)}])", _vulgar),
    Form(
        rf"{BARE}(?P<whole>\d{{1,3}}[ -])?(?P<top>\d{{1,3}})[/⁄](?P<bottom>\d{{1,3}})(?![\w/]|\.\d)",
        _slashed,
    ),
)
_STREET = "St|Ave?|Rd|Blvd|Dr|Ln|Street|Avenue|Road|Boulevard|Drive|Lane|Place|Square|Way|Court|Terrace|Row|Crescent"
COMPARISONS = (Form(r"(?<=[\w)]) ?(?P<sign>[<>]=?) ?(?=[-−]?\d)", _comparison),)
APPROXIMATIONS = (Form(r"(?<!\w)[~≈∼] ?(?=[$£€]?\d)", _approximate),)
GROUPED = (Form(r"(?<![\w.,+])\d{1,3}(?:[ \u00a0\u202f]\d{3}){2,5}(?![ .,-]?\d|\w)", _grouped),)
HOUSES = (
    Form(
        rf"{BARE}(?<!No\. )(?<!no\. )(?P<number>\d{{1,5}})(?P<letter>[A-Z])?(?= (?:[NSEW]\.? )?"
        rf"(?:[A-Z][\w'’]*|\d+(?:st|nd|rd|th)) "
        rf"(?:[A-Z][\w'’]* )?(?:{_STREET})\b)",
        _street,
    ),
)
NUMBERS = (
    Form(
        rf"{BARE}(?P<number>\d{{1,4}})(?:st|nd|rd|th)\s?[–-]\s?(?P<last>\d{{1,4}})(?:st|nd|rd|th)\b",
        _ordinals,
    ),
    Form(
        r"(?P<verb>\b(?i:call(?:ed|ing)?|dial(?:l?ed|l?ing)?|ring|rang) )(?P<number>911|999|112)\b",
        _emergency,
    ),
    Form(rf"{BARE}(?P<number>{WHOLE})(?P<suffix>st|nd|rd|th)\b(?!-\w*\d)", _ordinal, re.IGNORECASE),
    Form(rf"{BARE}\d+(?:,\d+){{1,40}}(?![\d,.]*\d)", _list),
    Form(rf"{BARE}(?P<before>)(?P<number>\d+(?:\.\d+){{2,6}})(?!\.?\w)", _dotted),
    Form(r"(?<![\w.])(?P<before>[vV])\.? ?(?P<number>\d+(?:\.\d+){0,5})(?!\.?\w)", _dotted),
    Form(r"\b007\b", lambda _match, _british: "double oh seven"),
    Form(rf"{BARE}(?P<first>{NUMBER}) ?[-−–] ?(?={NUMBER} ?=)", _difference),
    Form(rf"{BARE}(?P<first>{NUMBER}) ?(?:[*·] ?(?=\d)|[x×] ?(?=10(?:\^|[⁰¹²³⁴⁵⁶⁷⁸⁹⁻])))", _product),
    Form(r"\b0x(?P<digits>[0-9A-Fa-f]+)\b", _hexadecimal),
    Form(rf"{BARE}(?P<number>{NUMBER}) ?(?P<scale>bn|tn|M)\b", _scaled),
    Form(rf"{BARE}(?<!-)(?P<first>{NUMBER}){DASH}(?P<last>{NUMBER})(?![-–]?\d|\w|\.\d)", _range),
    Form(rf"{BARE}(?:\d{{4}}[ -]){{3}}\d{{4}}(?![\w-])|{BARE}\d{{3}}-\d\d-\d{{4}}(?![\w-])", _apart),
    Form(rf"(?<![\w.)\]%-])[-−](?P<number>{NUMBER})(?![\w-]|\.\d)", _signed),
    Form(rf"[−](?P<number>{NUMBER})(?![\w-]|\.\d)", _signed),
    Form(rf"(?<![\w.])(?P<number>{NUMBER})(?!\w|[.,]\d)", _number),
    Form(rf"(?P<before>(?<=\w))?(?P<number>{NUMBER})(?P<behind>(?=\w))?", _embedded),
)
