"""Signs read as words: & + = @ ± × ÷ √ ≤ ° © §, powers such as 10^6 and x², C++ and AT&T, asterisks around words."""

import re

from core_engine.reading.forms import Form, fixed
from core_engine.reading.initials import letters, with_letter_a
from core_engine.reading.numerals import NUMBER, amount, digits

_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_NAMED = {
    "±": "plus or minus", "÷": "divided by", "×": "times", "≤": "is less than or equal to",
    "≥": "is greater than or equal to", "≠": "is not equal to", "≈": "is approximately", "∞": "infinity",
    "√": "the square root of", "π": "pi", "∑": "the sum of", "∫": "the integral of", "∆": "delta", "°": "degrees",
    "©": "copyright", "®": "registered", "™": "trademark", "§": "section", "§§": "sections", "¶": "paragraph",
    "@": "at", "=": "equals", "==": "equals", "&": "and", "+": "plus", "%": "percent", "‰": "per mille", "№": "number",
    "→": "to", "←": "from", "↑": "up", "↓": "down", "⇒": "implies", "\\": "backslash", "$": "dollar", "€": "euros",
    "£": "pounds", "¥": "yen", "¢": "cents", "/": "slash", "|": "vertical bar", "^": "caret", "~": "tilde",
    "#": "number",
    "†": "", "‡": "", "•": "", "−": "minus", "∈": "is in", "∀": "for all", "∴": "therefore", "µ": "micro", "Ω": "ohms",
}  # fmt: skip


def _power(match: re.Match[str], british: bool) -> str:
    base = match["base"]
    exponent = (match["raised"] or "").translate(_RAISED) or match["caret"].strip("{}()").replace("−", "-")
    named = {"2": "squared", "3": "cubed"}.get(exponent)
    if not named:
        minus = "minus " if exponent.startswith("-") else ""
        spoken = amount(exponent.lstrip("-"), british) if exponent.lstrip("-").isdigit() else exponent
        named = f"to the power of {minus}{spoken}"
    start = amount(base, british) if base[0].isdigit() else " ".join(base)
    return f"{start} {named}"


def _scientific(match: re.Match[str], british: bool) -> str:
    minus = "minus " if match["minus"] in ("-", "−") else ""
    return f"{amount(match['number'], british)} times ten to the power of {minus}{amount(match['exponent'], british)}"


def _formula(match: re.Match[str], _british: bool) -> str:
    parts = re.findall(r"[A-Z][a-z]?|[₀-₉]+", match.group())
    return " ".join(
        digits(part.translate(_LOWERED)) if part[0] in "₀₁₂₃₄₅₆₇₈₉" else " ".join(part.upper()) for part in parts
    )


def _ampersand(match: re.Match[str], _british: bool) -> str:
    first, last = (
        letters(part) if part.isupper() and len(part) < 4 else part for part in (match["first"], match["last"])
    )
    return with_letter_a(f"{first} and {last}", match.string[match.end() : match.end() + 2])


def _sign(match: re.Match[str], _british: bool) -> str:
    word = _NAMED[match.group()]
    if not word:
        return ""
    before = match.string[match.start() - 1 : match.start()]
    behind = match.string[match.end() : match.end() + 1]
    left = "" if not before or before.isspace() or before in "([“\"'‘—" else " "
    right = "" if not behind or behind.isspace() or behind in ")].,;:!?”\"'’—" else " "
    return f"{left}{word}{right}"


def _comparison(match: re.Match[str], _british: bool) -> str:
    word = {"<": "less than", ">": "greater than", "<=": "less than or equal to", ">=": "greater than or equal to"}
    return f"{match['left']}is {word[match['sign']]} ".replace("is ", "is " if match["left"] else "", 1)


_EXPONENT = r"(?:(?P<raised>[⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)|\^(?P<caret>[-−]?\d+|\{[-−]?\w+\}|\([-−]?\w+\)|[a-z]\b))"
FORMULAS = (
    Form(r"\bC\+\+(?!\w)", lambda _match, _british: "C plus plus"),
    Form(r"\b(?P<letter>[A-G])#(?!\w)", lambda match, _british: f"{match['letter']} sharp"),
    Form(r"\b(?P<letter>[A-F])\+(?![\w+])", lambda match, _british: f"{match['letter']} plus"),
    Form(
        r"(?<![\w-])(?P<letter>[A-F])[-−](?=[\s.,;!?)]|$)(?! [a-z])",
        lambda match, _british: f"{match['letter']} minus",
    ),
    Form(rf"(?<![\w.,])(?P<number>{NUMBER})[eE](?P<minus>[-−+])?(?P<exponent>\d{{1,3}})(?!\w)", _scientific),
    Form(rf"(?<![\w.])(?P<base>{NUMBER}|[A-Za-z]{{1,2}}|\)){_EXPONENT}", _power),
    Form(r"\b(?:[A-Z][a-z]?[₀-₉]*){0,6}[A-Z][a-z]?[₀-₉]+(?:[A-Z][a-z]?[₀-₉]*){0,6}(?!\w)", _formula),
    Form(r"\b(?P<first>[A-Z]{1,4}) ?& ?(?P<last>[A-Z]{1,4})\b(?![a-z])", _ampersand),
)
_MARKED = r"(?<![\w*_]){0}(?=[^\s{1}])(?P<words>[^{1}\n]{{1,300}}?)(?<=\S){0}(?![\w*_])"
EMPHASIS = tuple(
    Form(_MARKED.format(mark, sign), lambda match, _british: match["words"])
    for mark, sign in ((r"\*\*\*", "*"), (r"\*\*", "*"), (r"\*", "*"), ("__", "_"), ("_", "_"))
)
_ONE_SIGN = "[" + re.escape("".join(sign for sign in _NAMED if len(sign) == 1 and sign != "=")) + "]"
SYMBOLS = (
    Form(
        r"(?<=[\d)]) [-−] (?=\d+(?:\.\d+)? ?=)|(?<=\b[a-z]) [-−] (?=[a-z\d]\b)",
        lambda _match, _british: " minus ",
    ),
    Form(r"(?P<left>(?<=\w) )(?P<sign>[<>]=?) (?=\w)", _comparison),
    Form(r"(?P<left>(?<![\w<>]))(?P<sign>[<>]=?) ?(?=\d)", _comparison),
    Form(r"(?<=\d) ?\* ?(?=\d)", lambda _match, _british: " times "),
    fixed(r"(?<=\b[A-Z])/(?=[A-Z]{1,4}\b)|(?<=[A-Z][A-Z])/(?=[A-Z]{1,4}\b)", " "),
    Form(r"(?<=[A-Za-z])(?P<sign>/)(?=[A-Za-z])", _sign),
    Form(r"(?<=\w)_(?=\w)", lambda _match, _british: " underscore "),
    Form(r"(?<![=<>!])(?P<sign>==?)(?!=)|§§?", _sign),
    Form(rf"(?<![#$%&*@^~=])(?P<sign>{_ONE_SIGN})(?![#$%&*@^~=])", _sign),
    fixed(r"\u00ad|\u200b|\u2060|\ufeff", ""),
)
