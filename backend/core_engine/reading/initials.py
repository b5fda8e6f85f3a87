"""Initials and acronyms: U.S.A., J. K. Rowling, FBI, DVDs, PhD, IT and US but not it and us; NASA is a word.

Letters are read one by one, "F B I". An A before another word is written "A-": espeak-ng reads a single A as the
article, and with the hyphen as the letter.
"""

import re

from core_engine.reading.forms import STARTERS, Form, sentence_end, words
from core_engine.reading.numerals import cardinal, digits, pairs

_SPELLED = frozenset(
    words(
        "USA UK EU UN US UAE USSR UAR USAF USN USS USB UFO UFOs AI IT ID IQ EQ IP OS UI UX API CIA FBI NSA IRA IRS IRC "
        "ISBN IBM BBC CNN NBC ABC CBS NBA NFL NHL MLB NCAA MBA PhD CEO CFO CTO COO CIO VIP RIP DIY DNA RNA HIV ATM PC "
        "TV CD DVD HD LCD LED EKG ECG EEG MRI ICU ER AM PM AD BC BCE CE GMT UTC EST PST CET BST RSVP FAQ ETA EMT NGO "
        "IMF WHO WTO EEC OECD UCLA USC MIT LSE NYU NYC LA DC SUV RV AC DJ MC MP MPs MEP GP NHS RAF IOU SOS PS PR HR QA "
        "ISP URL HTML XML CSS SQL PDF CSV GPU CPU SSD HDD IOS IDE IEEE ISO IoT GDP GNP IPO VAT APR AOL AKA TBA TBD FYI "
        "BTW OMG LOL IMO DOA MIA POW POWs IED EPA FDA FCC FAA CDC CIO IVF IUD STD ADHD OCD PTSD BMI EPO AAA BA IV "
        "BAFTA "
        "AWS UPS SAT ACT GCSE GRE EMS OAP ITV RTE KGB GRU MI SAS PLO IDF UAV ICBM NCO AWOL AA EMI ELO ESP EP LP GB HQ "
        "OAS AU EFTA ECB EV PVC UV ASAP"
    )
) - {"BAFTA", "AWOL", "SAT", "ACT", "ER", "LA", "MI", "MIA", "EFTA"}
_LIKE_WORDS = frozenset(words("IT US WHO AM ID PS AD LA AA AI RIP COO LED UPS POW APR MIT EMS GRE ESP"))
"""Also words, in text that is shouted or begins with capitals."""

_INTERJECTIONS = frozenset(
    words(
        "HMM HM MMM MM SHH SHHH SH PSST PST BRR BRRR GRR GRRR ZZZ TSK PFFT PHEW MRS MR DR MS ST NTH MY BY WHY TRY CRY "
        "DRY FLY SKY SHY SPY PRY FRY GYM HYMN MYTH LYNX CRYPT RHYTHM TRYST NYMPH SYLPH THY WHYS CWM PLY SLY STY WRY "
        "PYX "
        "HYP LYNCH SYNC TYPHS GYPSY PYGMY MYRRH"
    )
)
_ACRONYMS = frozenset(words("NASA NATO UNESCO UNICEF AIDS OPEC LASER RADAR SCUBA FIFA UEFA NAFTA SWAT PIN RAM ROM SIM"))
"""Acronyms that are read as words."""

_NO_VOWEL = re.compile(r"[BCDFGHJKLMNPQRSTVWXZ]{2,6}")
_SHOUTED = re.compile(r"(?:^|[^A-Z])(?:[A-Z]{2,}|[AI])[^\w.]*$")
_SHOUTED_BEHIND = re.compile(r"[^\w.]*(?:[A-Z]{2,}|[AI] [A-Z]{2,})(?![a-z])")


def letters(text: str) -> str:
    """Return the letters of `text` separated, to be read one by one."""
    return " ".join(text)


def with_letter_a(spoken: str, behind: str) -> str:
    """Return `spoken` with a final A marked as a letter, not the article; `behind` is the text that follows."""
    spoken = re.sub(r"\bA(?= \w)", "A-", spoken)
    return spoken + "-" if re.search(r"\bA$", spoken) and re.match(r" \w", behind) else spoken


def _behind(match: re.Match[str]) -> str:
    return match.string[match.end() : match.end() + 2]


def _dotted(match: re.Match[str], _british: bool) -> str:
    spoken = letters(re.sub(r"[.\s]", "", match["letters"]).upper())
    return with_letter_a(spoken, _behind(match)) + sentence_end(match, before_names=True)


def _degree(match: re.Match[str], _british: bool) -> str:
    return "P H D" + ("s" if match["plural"] else "") + sentence_end(match, before_names=True)


def _initials_of_name(match: re.Match[str], _british: bool) -> str | None:
    if match["name"] in STARTERS or match["letters"] == "I.":
        return None
    return with_letter_a(letters(re.sub(r"[.\s]", "", match["letters"])), " x")


def _acronym(match: re.Match[str], _british: bool) -> str | None:
    word = match["word"]
    if word not in _SPELLED and not (_NO_VOWEL.fullmatch(word) and word not in _INTERJECTIONS):
        return None
    if _is_shouted(match):
        return None
    spoken = letters(word.upper() if word != "PhD" else "PHD")
    return spoken + match["plural"] if match["plural"] else with_letter_a(spoken, _behind(match))


def _is_shouted(match: re.Match[str]) -> bool:
    """Return whether capitals are only shouting: next to other shouted words, or the first word of the text."""
    if match["word"] not in _LIKE_WORDS:
        return False
    before = match.string[max(0, match.start() - 20) : match.start()]
    if not before.strip(" \n\"'“‘(["):
        return match["word"] in ("IT", "US", "WHO", "AM", "AD")
    beside = _SHOUTED.search(before), _SHOUTED_BEHIND.match(match.string, match.end(), match.end() + 20)
    return any(found and _is_loud(found.group()) for found in beside)


def _is_loud(text: str) -> bool:
    return any(word not in _SPELLED and word not in _ACRONYMS for word in re.findall("[A-Z]{2,}", text))


def _with_number(match: re.Match[str], british: bool) -> str:
    word, number = match["word"], match["number"]
    spoken = letters(word) if len(word) < 4 and word not in ("VAN", "CAT", "MAN", "WIN", "FAT") else word
    behind = match["behind"] or ""
    tail = f" {letters(behind)}" if behind else ""
    return with_letter_a(f"{spoken} {_label(number, british)}{tail}", _behind(match))


def _number_first(match: re.Match[str], british: bool) -> str:
    return with_letter_a(f"{_label(match['number'], british)} {letters(match['word'])}", _behind(match))


def _label(number: str, british: bool) -> str:
    """Return the number of a label in words: 16 as usual, 380 as "three eighty", 007 digit by digit."""
    if number[0] == "0" and len(number) > 1:
        return digits(number)
    if len(number) == 3 and number[1:] != "00":
        return pairs(int(number), british)
    return pairs(int(number), british) if len(number) == 4 else cardinal(int(number), british)


def _thing(match: re.Match[str], british: bool) -> str:
    return f"{match['name']} {_label(match['number'], british)}"


def _flight(match: re.Match[str], british: bool) -> str:
    return f"{match['name']} {with_letter_a(letters(match['word']), ' x')} {_label(match['number'], british)}"


def _postcode(match: re.Match[str], _british: bool) -> str:
    return f"{with_letter_a(letters(match['state']), ' x')} {digits(match['code'])}"


def _hyphened(match: re.Match[str], british: bool) -> str:
    return f"{match['word']} {_label(match['number'], british)}"


INITIALS = (
    Form(r"(?<!\w)Ph\. ?D\b(?P<plural>s)?\.?", _degree),
    Form(r"(?<![\w.@])(?P<letters>(?:[A-Za-z]\.){2,8}(?!\w)|(?:[A-Z]\.){1,7}[A-Z](?![\w.]))", _dotted),
    Form(
        r"(?<![\w.'’])(?P<letters>[A-Z]\.(?: ?[A-Z]\.){0,3}) (?=(?P<name>[A-Z][a-z'’]+))(?<=\w\. )",
        lambda match, british: None if (spoken := _initials_of_name(match, british)) is None else spoken + " ",
    ),
    Form(r"(?<![\w.&@#'’])(?P<word>[A-Z]{2,6}|PhD|IoT)(?P<plural>s)?(?![\w&@])(?!\.\w)(?!-\d)", _acronym),
)
"""Acronyms and initials. Letters with numbers are LABELS, which come after everything with a unit."""

LABELS = (
    Form(r"\b(?P<state>[A-Z]{2}),? (?P<code>\d{5}(?:-\d{4})?)(?!\w|[.,]\d)", _postcode),
    Form(
        r"\b(?P<name>Boeing|Airbus|Flight|flight|Route|Highway|Interstate|Porsche) (?P<number>\d{1,4})\b(?![.,]\d)",
        _thing,
    ),
    Form(r"\b(?P<name>[Ff]light) (?P<word>[A-Z]{1,3}) ?(?P<number>\d{1,4})\b", _flight),
    Form(
        r"(?<![\w.,@])(?P<number>\d{1,4})(?P<word>[a-hkp])(?![\w-])",
        lambda match, british: f"{_label(match['number'], british)} {match['word'].upper()}",
    ),
    Form(
        r"(?<![\w.@])(?P<word>[A-Z]{1,6})[- ]?(?<! )(?P<number>\d{1,4})(?P<behind>[A-Z]{1,2})?(?![\w]|[.,:/]\d|-\d)",
        _with_number,
    ),
    Form(r"(?<![\w.,@])(?P<number>\d{1,4})(?P<word>[A-Z]{1,3})(?![\w-])", _number_first),
    Form(r"(?<![\w.@])(?P<word>[A-Za-z]{4,20})-(?P<number>\d{1,4})(?![\w]|[.,:/]\d|-\d)", _hyphened),
    Form(r"(?<![\w.@])(?P<word>[a-z]{1,2})(?P<number>\d{1,4})(?P<behind>)(?![\w]|[.,:/]\d|-\d)", _with_number),
)
