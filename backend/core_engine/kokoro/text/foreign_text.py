"""Normalise text in languages other than English for espeak-ng.

espeak-ng itself reads numbers, times and ordinals in these languages. It does not know money or abbreviations, whose
full stops would split sentences.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

_CHARACTERS = str.maketrans(
    {
        "‘": "'", "’": "'", "«": "“", "»": "”", "‹": "“", "›": "”", "„": "“", "[": "(", "]": ")", "{": "(", "}": ")",
        "।": ". ", "॥": ". ", "。": ". ", "、": ", ", "！": "! ", "，": ", ", "：": ": ", "；": "; ", "？": "? ",
        "\N{SOFT HYPHEN}": None, "\N{ZERO WIDTH SPACE}": None, "₨": "₹",
    }
)  # fmt: skip
_SPACES = re.compile(r"[^\S\n]+")
_SPACE_BEFORE_MARK = re.compile(r"(?<=\S) (?=[;:!?,.”)])")
"""French has a space there; the model makes its own pause."""
_SPACE_BEHIND_OPENING = re.compile(r"(?<=[“(¿¡]) ")
_NUMBER = r"\d+(?:[., ]\d+){0,6}"
"""Bounded to keep a long run of numbers linear."""


@dataclass(frozen=True)
class _Conventions:
    """The abbreviations and currencies of a language."""

    titles: Mapping[str, str]
    """Abbreviations before a name, case-sensitive; their full stop does not end a sentence."""
    words: Mapping[str, str]
    """Abbreviations anywhere, in any case; at the end of a sentence the full stop is kept."""
    money: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Currency sign → singular and plural."""


def _in_either_case(titles: Mapping[str, str]) -> dict[str, str]:
    """Return titles as written and in lower case: "Sr. Silva" and "sr. Silva"."""
    return {written: words for title, words in titles.items() for written in (title, title.lower())}


_CONVENTIONS = {
    "es": _Conventions(
        _in_either_case({
            "Sr.": "señor", "Sra.": "señora", "Srta.": "señorita", "Sres.": "señores",
            "Dr.": "doctor", "Dra.": "doctora",
            "Dña.": "doña", "Prof.": "profesor", "Profa.": "profesora", "Sto.": "santo", "Sta.": "santa",
        }),
        {
            "Ud.": "usted", "Uds.": "ustedes", "Vd.": "usted", "Vds.": "ustedes", "etc.": "etcétera",
            "p. ej.": "por ejemplo",
            "núm.": "número", "pág.": "página", "a. C.": "antes de Cristo", "d. C.": "después de Cristo",
            "EE. UU.": "Estados Unidos", "n.º": "número",
        },
        {"€": ("euro", "euros"), "$": ("dólar", "dólares"), "£": ("libra", "libras")},
    ),
    "fr-fr": _Conventions(
        {"M.": "monsieur", "MM.": "messieurs", "Mme.": "madame", "Mlle": "mademoiselle", "Dr.": "docteur"},
        {
            "etc.": "et cétéra", "p. ex.": "par exemple", "n°": "numéro", "av. J.-C.": "avant Jésus-Christ",
            "apr. J.-C.": "après Jésus-Christ",
        },
        {"€": ("euro", "euros"), "$": ("dollar", "dollars"), "£": ("livre", "livres")},
    ),
    "it": _Conventions(
        _in_either_case({
            "Sig.": "signor", "Sig.ra": "signora", "Sig.na": "signorina", "Sigg.": "signori",
            "Dott.": "dottor", "Dr.": "dottor",
            "Dott.ssa": "dottoressa", "Prof.": "professor", "Prof.ssa": "professoressa",
            "Avv.": "avvocato", "Ing.": "ingegner",
        }),
        {
            "ecc.": "eccetera", "p. es.": "per esempio", "ad es.": "ad esempio", "pag.": "pagina",
            "a.C.": "avanti Cristo",
            "d.C.": "dopo Cristo", "n°": "numero",
        },
        {"€": ("euro", "euro"), "$": ("dollaro", "dollari"), "£": ("sterlina", "sterline")},
    ),
    "pt-br": _Conventions(
        _in_either_case({
            "Sr.": "senhor", "Sra.": "senhora", "Srta.": "senhorita", "Srs.": "senhores",
            "Dr.": "doutor", "Dra.": "doutora",
            "Prof.": "professor", "Profa.": "professora",
        }),
        {
            "etc.": "etcétera", "p. ex.": "por exemplo", "pág.": "página", "a.C.": "antes de Cristo",
            "d.C.": "depois de Cristo", "nº": "número", "n.º": "número",
        },
        {"R$": ("real", "reais"), "€": ("euro", "euros"), "$": ("dólar", "dólares"), "£": ("libra", "libras")},
    ),
    "hi": _Conventions(
        {"डॉ.": "डॉक्टर", "डा.": "डॉक्टर", "प्रो.": "प्रोफ़ेसर", "पं.": "पंडित", "स्व.": "स्वर्गीय", "कु.": "कुमारी"},
        {"रु.": "रुपये"},
        {"₹": ("रुपया", "रुपये"), "€": ("यूरो", "यूरो"), "$": ("डॉलर", "डॉलर"), "£": ("पाउंड", "पाउंड")},
    ),
}  # fmt: skip


def foreign_text(text: str, language: str) -> str:
    """Return `text` with the punctuation that the model knows, and with abbreviations and money in words.

    Every rule runs in linear time.
    """
    text = _SPACES.sub(" ", text.translate(_CHARACTERS))
    text = _SPACE_BEHIND_OPENING.sub("", _SPACE_BEFORE_MARK.sub("", text))
    rules = _rules(language)
    text = rules.titles.sub(lambda match: rules.spoken[_key(match.group())], text)
    text = rules.words.sub(lambda match: _in_words(match, rules.spoken), text)
    return rules.money.sub(lambda match: _amount(match, _CONVENTIONS[language].money), text).strip()


@dataclass(frozen=True)
class _Rules:
    titles: re.Pattern[str]
    words: re.Pattern[str]
    money: re.Pattern[str]
    spoken: Mapping[str, str]
    """Abbreviation in lower case, without spaces → words."""


@cache
def _rules(language: str) -> _Rules:
    conventions = _CONVENTIONS[language]
    signs = _any_of(conventions.money)
    end = r"\s*\Z|\s*\n|\s+[A-ZÀ-Þ¿¡“]"
    return _Rules(
        titles=re.compile(rf"(?<![\w.])(?:{_any_of(conventions.titles)})(?=\s+\w)"),
        words=re.compile(rf"(?<![\w.])(?i:{_any_of(conventions.words)})(?!\w)(?=({end})?)"),
        money=re.compile(rf"({signs}) ?({_NUMBER})|(?<![\d.,])({_NUMBER}) ?({signs})"),
        spoken={_key(short): words for short, words in {**conventions.titles, **conventions.words}.items()},
    )


def _any_of(texts: Mapping[str, object]) -> str:
    longest_first = sorted(texts, key=len, reverse=True)
    return "|".join(re.escape(text).replace(r"\ ", " ?") for text in longest_first)


def _key(abbreviation: str) -> str:
    return abbreviation.lower().replace(" ", "")


def _in_words(match: re.Match[str], spoken: Mapping[str, str]) -> str:
    abbreviation, end_of_sentence = match.group(), match[1] is not None
    stop = "." if end_of_sentence and abbreviation.endswith(".") else ""
    return spoken[_key(abbreviation)] + stop


def _amount(match: re.Match[str], money: Mapping[str, tuple[str, str]]) -> str:
    before, number, other, behind = match.groups()
    one, several = money[before or behind]
    amount = number or other
    return f"{amount} {one if amount == '1' else several}"
