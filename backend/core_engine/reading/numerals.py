"""Numbers in words: cardinals, ordinals, decimals, digits and years, American or British."""

from core_engine.reading.forms import words

_ONES = words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_TENS = words("- - twenty thirty forty fifty sixty seventy eighty ninety")
_SCALES = ("", "thousand", "million", "billion", "trillion", "quadrillion", "quintillion")
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip
LARGEST = 10 ** (3 * len(_SCALES))
"""Numbers from here on are read digit by digit."""

WHOLE = r"(?:\d{1,3}(?:,\d{3})+(?![\d,]*\d)|\d+)"
"""Pattern of a whole number, with or without commas between thousands."""
NUMBER = rf"(?:{WHOLE}(?:\.\d+)?|\.\d+)"
"""Pattern of a number with or without decimals."""
BARE = r"(?<![\w.,/])"
"""Pattern of a position where a number may start."""


def cardinal(number: int, british: bool) -> str:
    """Return a whole number in words; British English has "and" before tens and ones."""
    if number < 0:
        return f"minus {cardinal(-number, british)}"
    if number >= LARGEST:
        return digits(str(number))
    if number < 1000:
        return _below_thousand(number, british)
    groups: list[str] = []
    rest, scale = number, 0
    while rest:
        rest, group = divmod(rest, 1000)
        if group:
            groups.append(f"{_below_thousand(group, british)} {_SCALES[scale]}".rstrip())
        scale += 1
    needs_and = british and 0 < number % 1000 < 100
    last = f"and {groups[0]}" if needs_and else groups[0]
    return " ".join([*reversed(groups[1:]), last])


def ordinal(number: int, british: bool) -> str:
    """Return the ordinal of a whole number in words."""
    words = cardinal(number, british)
    cut = max(words.rfind(" "), words.rfind("-")) + 1
    last = words[cut:]
    if last in _ORDINALS:
        return words[:cut] + _ORDINALS[last]
    return words[:cut] + (last[:-1] + "ieth" if last.endswith("y") else last + "th")


def digits(text: str) -> str:
    """Return the digits in `text` one by one, without any other characters."""
    return " ".join(_ONES[int(character)] for character in text if character in "0123456789")


def amount(text: str, british: bool) -> str:
    """Return a written number in words: "1,234", "0.5", ".5", "007", and numbers too long to read as one."""
    whole, dot, fraction = text.replace(",", "").partition(".")
    if dot:
        spoken = f"{amount(whole, british)} " if whole else ""
        return f"{spoken}point {digits(fraction)}"
    if len(whole) > 1 and whole.startswith("0"):
        return digits(whole)
    return cardinal(int(whole), british) if len(whole) < 20 else digits(whole)


def is_one(text: str) -> bool:
    """Return whether a written number is exactly one, which takes a singular unit."""
    return text.replace(",", "") == "1"


def pairs(number: int, british: bool) -> str:
    """Return a number of three or four digits read in two parts, as house numbers and years are."""
    high, low = divmod(number, 100)
    if low == 0:
        return cardinal(number, british) if high % 10 == 0 else f"{cardinal(high, british)} hundred"
    if low < 10:
        return f"{cardinal(high, british)} oh {_ONES[low]}"
    return f"{cardinal(high, british)} {cardinal(low, british)}"


def year(number: int, british: bool) -> str:
    """Return a year as people say it: nineteen oh five, two thousand (and) five, twenty ten."""
    if number < 100 or number % 1000 < 10 or number > 9999:
        return cardinal(number, british)
    return pairs(number, british)


def plural(words: str) -> str:
    """Return number words in the plural: nineties, hundreds, sixes."""
    if words.endswith("y"):
        return words[:-1] + "ies"
    return words + ("es" if words.endswith("x") else "s")


def _below_thousand(number: int, british: bool) -> str:
    hundreds, rest = divmod(number, 100)
    words = [f"{_ONES[hundreds]} hundred"] if hundreds else []
    if rest:
        if hundreds and british:
            words.append("and")
        words.append(_ONES[rest] if rest < 20 else _TENS[rest // 10] + (f"-{_ONES[rest % 10]}" if rest % 10 else ""))
    return " ".join(words) or _ONES[0]
