"""Titles and abbreviations with a full stop: Dr., Prof., Lt., St. James and Main St., No. 5, pp. 3–7, vs., etc."""

import re

from core_engine.reading.forms import STARTERS, Form, sentence_end, words
from core_engine.reading.numerals import NUMBER, WHOLE, amount

_TITLES = {
    "dr": "Doctor", "mr": "Mister", "mrs": "Missus", "ms": "Miss", "mx": "Mix", "prof": "Professor",
    "profs": "Professors", "drs": "Doctors", "lt": "Lieutenant", "lieut": "Lieutenant", "gen": "General",
    "col": "Colonel", "capt": "Captain", "sgt": "Sergeant", "cpl": "Corporal", "pvt": "Private", "maj": "Major",
    "adm": "Admiral", "cmdr": "Commander", "comdr": "Commander", "gov": "Governor", "sen": "Senator",
    "rep": "Representative", "rev": "Reverend", "hon": "Honorable", "fr": "Father", "pres": "President",
    "supt": "Superintendent", "insp": "Inspector", "messrs": "Messers", "mme": "Madame", "mlle": "Mademoiselle",
    "st": "Saint", "ste": "Saint", "mt": "Mount", "ft": "Fort", "sr": "Señor", "sra": "Señora", "br": "Brother",
    "bp": "Bishop", "abp": "Archbishop", "amb": "Ambassador", "sec": "Secretary", "asst": "Assistant", "pt": "Point",
}  # fmt: skip
"""Titles before a name. Those that are also words need their full stop."""

_BARE_TITLES = "Dr|Mr|Mrs|Ms|Prof|Lt|Sgt|Capt|Col|Messrs|Mme|Mlle|St|Mt|Rev"
"""Titles before a name that British English writes without a full stop."""

_STREETS = {
    "st": "Street", "ave": "Avenue", "av": "Avenue", "rd": "Road", "blvd": "Boulevard", "dr": "Drive", "ln": "Lane",
    "hwy": "Highway", "pkwy": "Parkway", "sq": "Square", "ct": "Court", "pl": "Place", "ter": "Terrace",
    "cres": "Crescent",
}  # fmt: skip
_BEHIND_NAMES = {
    "jr": "Junior", "sr": "Senior", "esq": "Esquire", "bros": "Brothers", "co": "Company", "corp": "Corporation",
    "inc": "Incorporated", "ltd": "Limited", "mfg": "Manufacturing", "assn": "Association", "univ": "University",
    "dept": "Department", "inst": "Institute", "intl": "International", "mts": "Mountains",
}  # fmt: skip
NUMBERED = {
    "no": "number", "nos": "numbers", "nr": "number", "vol": "volume", "vols": "volumes", "p": "page", "pp": "pages",
    "pg": "page", "ch": "chapter", "chap": "chapter", "chs": "chapters", "fig": "figure", "figs": "figures",
    "sec": "section", "sect": "section", "art": "article", "eq": "equation", "eqs": "equations", "op": "opus",
    "ext": "extension", "bk": "book", "pt": "part", "v": "verse", "vv": "verses", "l": "line", "ll": "lines",
    "apt": "apartment", "ste": "suite", "rm": "room", "ver": "version", "tel": "telephone", "n": "note",
    "para": "paragraph",
    "hwy": "highway", "rte": "route", "flt": "flight", "div": "division", "app": "appendix", "cl": "clause",
}  # fmt: skip
_WORDS = {
    "vs": "versus", "approx": "approximately", "etc": "et cetera", "viz": "namely", "cf": "compare",
    "dept": "department",
    "govt": "government", "incl": "including", "excl": "excluding", "esp": "especially", "avg": "average",
    "ibid": "ibidem", "bldg": "building", "tel": "telephone",
}  # fmt: skip

_BARE = {
    *_BARE_TITLES.lower().split("|"), *_STREETS, *words("lt maj col sgt gen cmdr gov jr ltd inc corp vs etc approx"),
}  # fmt: skip
_TOKEN = re.compile(r"no (?=\d)|[^\W\d_]+\.?|[/&#№]")
"""A number's sign, a word with its full stop, or a sign."""
_SIGNS = frozenset(
    [
        "no ", "/", "&", "#", "№", "e.", "i.", "est.", *_BARE,
        *(f"{word}." for word in (*_TITLES, *_BARE, *_BEHIND_NAMES, *NUMBERED, *_WORDS)),
    ]
)  # fmt: skip


def may_be_abbreviated(text: str) -> bool:
    """Tell whether a text has a token that ABBREVIATIONS start with: one look instead of two dozen."""
    return not _SIGNS.isdisjoint(_TOKEN.findall(text.casefold()))


def _title(match: re.Match[str], _british: bool) -> str:
    written = match["title"]
    spoken = _TITLES[written.lower()]
    return spoken.upper() if len(written) > 1 and written.isupper() else spoken


def _rank(match: re.Match[str], _british: bool) -> str:
    return f"{_TITLES[match['first'].lower()]} {_TITLES[match['second'].lower()]}"


def _street(match: re.Match[str], _british: bool) -> str:
    return f"{_STREETS[match['street'].lower()]}{sentence_end(match)}"


def _saint_or_street(match: re.Match[str], british: bool) -> str | None:
    """Distinguish St. James from Main St.: a street has its name before it, and no name of its own follows."""
    behind = re.match(r" (?P<word>[A-Z][\w'’]*)", match.string[match.end() : match.end() + 30])
    before = re.search(
        r"(?P<number>\d\w* )?(?P<name>[A-Z][a-z'’]+|\d+(?:st|nd|rd|th)) $",
        match.string[max(0, match.start() - 40) : match.start()],
    )
    if not before or before["name"] in STARTERS:
        return None
    if behind and behind["word"] not in STARTERS and not before["number"]:
        return None
    return _street(match, british)


def _behind_name(match: re.Match[str], _british: bool) -> str:
    return f"{_BEHIND_NAMES[match['word'].lower()]}{sentence_end(match, before_names=True)}"


def _numbered(match: re.Match[str], british: bool) -> str:
    word = NUMBERED[match["word"].lower()]
    word = word.capitalize() if match["word"][0].isupper() else word
    first = f"{word} {match['paren'] or ''}{amount(match['first'], british)}"
    if match["letter"]:
        first += f" {match['letter'].upper()}"
    if match["last"]:
        first += f" to {amount(match['last'], british)}"
    return first


def _number_sign(match: re.Match[str], british: bool) -> str:
    first = f"number {amount(match['first'], british)}"
    return f"{first} to {amount(match['last'], british)}" if match["last"] else first


def _word(match: re.Match[str], _british: bool) -> str:
    spoken = _WORDS[match["word"].lower()]
    ends = match["word"].lower() in ("etc", "ibid")
    return (spoken.capitalize() if match["word"][0].isupper() else spoken) + sentence_end(match, before_names=not ends)


def _letters(match: re.Match[str], _british: bool) -> str:
    return " ".join(match["letters"].replace(".", "").replace(" ", "")) + sentence_end(match)


def _both(match: re.Match[str], _british: bool) -> str:
    return "he or she" if match.group()[0].islower() else "He or she"


def _alternation(match: re.Match[str], _british: bool) -> str:
    return match.group().replace("/", " or " if "or" not in match.group().lower() else " ")


_TITLE = "|".join(sorted(_TITLES, key=len, reverse=True))
_NAME = r"(?=\s(?:[“\"‘']?[A-ZÀ-Þ]|de |du |von |van |la |le ))"
ABBREVIATIONS = (
    Form(r"(?<!\w)(?P<letters>[ei]\. ?[ge]\.?)(?=[\s,;:)]|$)(?P<dot>)(?<=[ge]\.|.[ge])", _letters),
    Form(r"\b(?P<first>Lt|Maj|Col|Sgt)\.? (?P<second>Gen|Col|Cmdr|Maj|Gov)\b\.?", _rank),
    Form(r"(?<![\w’'])(?P<street>(?i:St|Dr))\b(?P<dot>\.)?(?![\w-])(?!['’]\w)", _saint_or_street),
    Form(rf"(?<![\w’'.])(?P<title>(?i:{_TITLE}))\.{_NAME}", _title),
    Form(
        rf"(?<![\w’'.])(?P<title>(?:{_BARE_TITLES}))(?= [A-ZÀ-Þ][a-zà-ÿ.]| (?:&|and) (?:Mrs?|Ms|Dr)\b)",
        _title,
    ),
    Form(r"(?<![\w’'.])(?P<title>Mr|Mrs|Ms|Dr|Messrs|Prof)\.(?=\W)", _title),
    Form(
        r"(?<=[a-z] )(?P<street>(?:Ave|Rd|Blvd|Ln|Hwy|Pkwy|Sq|Ct|Pl|Ter|Cres))\b(?:(?P<dot>\.)|(?=,))",
        _street,
    ),
    Form(r"(?<=[\w,&] )(?P<word>Jr|Sr|Esq|Bros|Co|Corp|Inc|Ltd|Mfg|Assn|Univ|Mts)\b(?P<dot>\.)", _behind_name),
    Form(r"(?<=[\w,] )(?P<word>Jr|Ltd|Inc|Corp)\b(?P<dot>)(?!\.)", _behind_name),
    Form(r"\b(?P<word>Dept|Univ|Inst)(?P<dot>\.)(?= of )", _behind_name),
    Form(
        rf"(?<![\w.])(?P<word>(?i:{'|'.join(sorted(NUMBERED, key=len, reverse=True))}))\. ?(?P<paren>\()?"
        rf"(?P<first>{WHOLE})(?P<letter>[A-Ha-h]\b)?"
        rf"(?:\s?[–—-]\s?(?P<last>{WHOLE}))?(?![\w]|\.\d)",
        _numbered,
    ),
    Form(
        r"(?<=[a-z] )(?:No|no) (?P<first>[1-9]\d{0,2})(?P<last>)(?!\w|[.,]\d)(?=[^\w\s]|\s*$)",
        _number_sign,
    ),
    Form(rf"(?<!\w)(?:№|#) ?(?P<first>{NUMBER})(?:[–-](?P<last>{WHOLE}))?(?!\w)", _number_sign),
    Form(r"(?<!\w)&c(?P<dot>\.)?(?!\w)", lambda match, _british: f"et cetera{sentence_end(match)}"),
    Form(
        rf"(?<![\w.@/])(?P<word>(?i:{'|'.join(sorted(_WORDS, key=len, reverse=True))}))(?P<dot>\.)(?!\w)",
        _word,
    ),
    Form(r"(?<![\w.@/])(?P<word>vs|etc|approx)(?P<dot>)(?![\w./])", _word),
    Form(
        r"\b(?P<word>[Ee]st)\.(?= ?\d)",
        lambda match, _british: "established" if match["word"] == "est" else "Established",
    ),
    Form(r"(?<=[A-Z]\w )v\.(?= [A-Z])|(?<=[a-z] )v\.(?= [A-Z][a-z])", lambda _match, _british: "versus"),
    Form(r"(?<!\w)s/he\b", _both, re.IGNORECASE),
    Form(
        r"\b(?:and/or|either/or|he/she|she/he|him/her|her/him|his/her|his/hers)\b",
        _alternation,
        re.IGNORECASE,
    ),
    Form(r"(?<![\w/])w/o(?!\w)", lambda _match, _british: "without"),
    Form(r"(?<![\w/])c/o(?!\w)", lambda _match, _british: "care of"),
    Form(r"(?<![\w/])w/ ?(?=\w)", lambda _match, _british: "with "),
)
