"""Roman numerals: Chapter XII, Henry VIII, World War II, Act III, scene ii, the XIX century. I, mix and CD stay."""

import re

from core_engine.reading.abbreviations import NUMBERED
from core_engine.reading.forms import STARTERS, Form, words
from core_engine.reading.numerals import cardinal, ordinal, year

_VALUES = (
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"), (10, "X"),
    (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
)  # fmt: skip
_KEYWORDS = (
    "chapters?|books?|parts?|volumes?|vols?\\.?|acts?|scenes?|sections?|secs?\\.|articles?|art\\.|appendix|appendices|"
    "cantos?|phases?|types?|titles?|class|levels?|stages?|grades?|figures?|figs?\\.|tables?|plates?|letters?|numbers?|"
    "world wars?|super bowl|mark|mk\\.?|models?|stanzas?|psalms?|tome|lessons?|lectures?|episodes?|seasons?|division|"
    "category|groups?|factors?|schedules?|theorems?|lemma|units?|exhibits?|rounds?|zones?|sonnets?|symphony|opus|op\\.|"
    "nos?\\.|apollo|saturn|gemini|polaris|titan|verses?|pages?|pp?\\.|chaps?\\.?|ch\\."
)
_NAMES = (
    "Henry|George|Louis|Elizabeth|Charles|James|Edward|Richard|William|Mary|Pius|Leo|Gregory|Benedict|Clement|"
    "Innocent|Urban|Alexander|Nicholas|Catherine|Peter|Frederick|Napoleon|Philip|Ferdinand|Ivan|Rameses|Ramses|"
    "Ramesses|Ptolemy|Cleopatra|Wilhelm|Franz|Karl|Otto|Leopold|Gustav|Christian|Haakon|Carlos|Juan|Alfonso|Alphonso|"
    "Felipe|Pedro|Victor|Emmanuel|Umberto|Henri|François|Francois|Albert|Baldwin|Mehmed|Murad|Suleiman|Selim|Thutmose|"
    "Amenhotep|Seti|Xerxes|Darius|Artaxerxes|Cyrus|Constantine|Theodosius|Justinian|Malcolm|Robert|David|Kenneth|"
    "Duncan|Donald|Stephen|Harold|Boniface|Celestine|Sixtus|Julius|Paul|Adrian|Eugene|Callixtus|Martin|Honorius|Anne|"
    "Margaret|Isabella|Joanna|Wilhelmina|Maria|Rama|Sigismund|Casimir|Rudolf|Rudolph|Maximilian|Matthias|Joseph|"
    "Francis|Ludwig|Hassan|Mohammed|Muhammad|Hussein|Abdullah|Farouk|John|Thomas|Michael|Andrew|Arthur|Walter|Samuel|"
    "Edmund|Augustus|Valdemar|Canute|Olaf|Eric|Erik|Magnus|Harald|Sancho|Conrad|Lothair|Theodore|Manuel|Basil|"
    "Antiochus|Seleucus|Antigonus|Demetrius|Attalus|Tiberius|Hadrian|Sylvester|Marie|Ernest|Amadeus|Cosimo|Lorenzo"
)
_TITLES = (
    "King|Queen|Pope|Emperor|Empress|Tsar|Czar|Tsarina|Prince|Princess|Sultan|Pharaoh|Kaiser|Shah|Duke|Count|Earl|Lord|"
    "Archduke|Baron|Patriarch|Caliph|Grand Duke|Saint|Sir"
)
_ROMAN = r"(?:[IVXLCDM]+|[ivxlcdm]+)"
_ORDERED = "century|centuries|olympiad|congress|legion|corps|army|dynasty|arrondissement|parliament|edition"
_WORDS = frozenset(
    words(
        "MIX CIVIC DIM MM CM MD DC CD CV CC MC DM ML XL XX LI DI CI VI XI MI DX MV MX LL IV II III CL LC XC DIX MCI "
        "CDI "
        "DCI MDI MDC CCC XXX CCD LCD"
    )
)
"""Numerals that are read as abbreviations or words unless a name or keyword precedes them."""

_VERBS = re.compile(
    r"\s+(?:am|have|had|will|would|shall|should|can|could|do|did|want|wrote|think|thought|know|knew|read|saw|see|love|"
    r"like|need|say|said|felt|feel|found|find|get|got|go|went|made|make|never|always|just|also|still|only|really|may|"
    r"might|must|ca|played|take|took|gave|give|told|tell|heard|hear|left|met|bought|kept|hope|mean|\w+ed)\b"
)
_NOUNS = re.compile(r"\s+(?:errors?|diabetes|collagen|trials?|supernovae?|drugs?|civil|listed|muscles?|fibers?)\b")
_WAS = r"(?= (?:was|reigned|ruled|died|became|had|is|of|married|granted|founded|succeeded|defeated|ordered)\b)"


def roman_value(numeral: str) -> int | None:
    """Return the value of a Roman numeral; None if it is not one in standard form."""
    rest, value = numeral.upper(), 0
    for worth, letters in _VALUES:
        while rest.startswith(letters) and len(rest) < 20:
            rest, value = rest[len(letters) :], value + worth
    return value if not rest and value and to_roman(value) == numeral.upper() else None


def to_roman(number: int) -> str:
    """Return a positive whole number as a Roman numeral."""
    written = ""
    for worth, letters in _VALUES:
        written += letters * (number // worth)
        number %= worth
    return written


def _counted(match: re.Match[str], british: bool) -> str | None:
    if match["last"] in ("I", "i") and not _is_alone(match):
        return None
    before = match["before"]
    if before.lower().startswith("no") and len(match["last"]) == 1:
        return None  # "No. I won't."
    spoken = re.sub(r" ?[–—-] ?", " to ", match["list"])
    spoken = re.sub(rf"\b{_ROMAN}\b", lambda numeral: _small(numeral.group(), british), spoken)
    if spoken == match["list"]:
        return None
    word = NUMBERED.get(before.rstrip(".").lower()) if before.endswith(".") else None
    return f"{(word.capitalize() if before[0].isupper() else word) if word else before} {spoken}"


def _small(numeral: str, british: bool) -> str:
    value = roman_value(numeral)
    return numeral if value is None or value > 400 else cardinal(value, british)


def _is_alone(match: re.Match[str]) -> bool:
    """Return whether the I after "Chapter" is its number and not the start of "Chapter I wrote"."""
    text, end = match.string, match.end()
    behind = text[end : end + 20]
    if not behind.strip() or not behind[0].isspace():
        return not re.match("['’](?:m|ll|d|ve)", behind)
    if match["before"].lower().startswith("world war"):
        return True
    if match["before"][:1].islower():
        return bool(_NOUNS.match(behind))
    return not _VERBS.match(behind)


def _regnal(match: re.Match[str], british: bool) -> str | None:
    value = roman_value(match["roman"])
    if value is None or value > 39 or match["name"].split()[-1] + match["roman"] == "MalcolmX":
        return None
    return f"{match['name']} the {ordinal(value, british)}"


def _ordered(match: re.Match[str], british: bool) -> str | None:
    value = roman_value(match["roman"])
    return None if value is None or value > 200 else ordinal(value, british)


def _after_name(match: re.Match[str], british: bool) -> str | None:
    value = roman_value(match["roman"])
    if value is None or value > 50 or match["name"] in STARTERS:
        return None
    return f"{match['name']} {cardinal(value, british)}"


def _alone(match: re.Match[str], british: bool) -> str | None:
    value = roman_value(match["roman"])
    written = match["roman"]
    if value is None or written in _WORDS or (len(written) < 5 and not set(written) <= set("IVXL")):
        return None
    return year(value, british) if 1100 < value < 2100 else cardinal(value, british)


def _heading(match: re.Match[str], british: bool) -> str | None:
    value = roman_value(match["roman"])
    return None if value is None or value > 400 or match["roman"] in ("C", "D", "M", "L") else cardinal(value, british)


_UPPER = r"(?P<roman>[IVX]{2,6}|[VX])(?![\w-])(?!\.\w)"
_ONE = r"(?P<roman>I)"
_FIRST_NAME = rf"(?P<name>\b(?:{_NAMES}))"
_FULL_NAME = rf"(?P<name>\b(?:{_NAMES})(?: [A-Z]\.)? [A-Z][a-z]+)"
_TITLED = rf"(?P<name>\b(?:{_TITLES})(?: [A-Z][a-zéëü]+){{1,2}})"
ROMANS = (
    Form(
        r"(?:(?<=\n)|(?<![\s\S]))(?P<roman>[IVXLCDM]+)(?=\.\s+[A-Z“\"‘]|\.?\s*(?:\n|(?![\s\S])))(?!(?<=I)"
        r"(?<!\wI)\s)(?!(?<=I)(?<!\wI)(?![\s\S]))",
        _heading,
    ),
    Form(rf"\b(?P<roman>[IVXLCDM]+)(?:th|st|nd|rd)?(?= (?i:{_ORDERED})\b)", _ordered),
    Form(
        rf"(?P<before>\b(?i:{_KEYWORDS})) (?P<list>(?:{_ROMAN}(?:,? (?:and|or|to|&) | ?[–—-] ?|, )){{0,9}}"
        rf"(?P<last>{_ROMAN}))"
        r"(?![\w-])(?!\.\w)",
        _counted,
    ),
    Form(rf"{_FIRST_NAME} {_UPPER}", _regnal),
    Form(rf"{_FULL_NAME} (?P<roman>II|III|IV|V)(?![\w-])", _regnal),
    Form(rf"{_TITLED} {_UPPER}", _regnal),
    Form(rf"{_TITLED} {_ONE}\b(?!['’](?:m|ll|d|ve)\b)", _regnal),
    Form(rf"{_FIRST_NAME} {_ONE}(?=[,;:.)\]—–?!\"”]|['’]s\b|\s*(?:\n|(?![\s\S])))", _regnal),
    Form(rf"(?:(?<![\s\S])|(?<=[.!?] )|(?<=\n)){_FIRST_NAME} {_ONE}{_WAS}", _regnal),
    Form(r"(?P<name>\b[A-Z][\w'’]+) (?P<roman>[IVX]{2,6})(?![\w-])(?!\.\w)", _after_name),
    Form(r"(?<![\w.&-])(?P<roman>[IVXLCDM]{3,12})(?![\w&-])(?!\.\w)", _alone),
)
