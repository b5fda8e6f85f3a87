"""Money: $1,234.56, €20, £1.5m, $.50, US$5 billion, £5 3s. 6d., 50p, a $5 bill, $5/month, GBP 20."""

import re

from core_engine.reading.attributes import is_attributive
from core_engine.reading.forms import Form, sentence_end
from core_engine.reading.numerals import BARE, NUMBER, amount, cardinal, is_one
from core_engine.reading.units import PER

_UNITS = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "sen", "sen"),
    "₹": ("rupee", "rupees", "paisa", "paise"),
    "₽": ("ruble", "rubles", "kopek", "kopeks"),
    "₩": ("won", "won", "jeon", "jeon"),
    "₣": ("Swiss franc", "Swiss francs", "rappen", "rappen"),
    "₿": ("bitcoin", "bitcoin", "satoshi", "satoshis"),
}
_COUNTRIES = {
    "US": "U S", "A": "Australian", "AU": "Australian", "C": "Canadian", "CA": "Canadian", "NZ": "New Zealand",
    "HK": "Hong Kong", "S": "Singapore",
}  # fmt: skip
_CODES = {
    "USD": ("$", "U S"), "EUR": ("€", ""), "GBP": ("£", "British"), "JPY": ("¥", ""), "CAD": ("$", "Canadian"),
    "AUD": ("$", "Australian"), "INR": ("₹", ""), "CHF": ("₣", ""),
}  # fmt: skip
_SCALES = {
    "k": "thousand", "m": "million", "mn": "million", "mm": "million", "bn": "billion", "b": "billion",
    "tn": "trillion", "t": "trillion", "tr": "trillion",
}  # fmt: skip
_SCALE = r"(?:[ -]?(?P<scale>hundred|thousand|(?:m|b|tr|quadr)illion|mn|mm|bn|tn|tr|k|m|b|t)\b(?!['’]))?"
_SIGN = "[" + "".join(_UNITS) + "]"
_OLD_PENCE = {
    1: "one penny", 2: "twopence", 3: "threepence", 4: "fourpence", 5: "fivepence", 6: "sixpence", 7: "sevenpence",
    8: "eightpence", 9: "ninepence", 10: "tenpence", 11: "elevenpence",
}  # fmt: skip


def _money(match: re.Match[str], british: bool) -> str:
    words = _amount(match, match["first"], match["sign"], match["scale"], british)
    if match["last"]:
        first = amount(match["first"], british)
        if match["first_scale"] and match["first_scale"] != match["scale"]:
            first += f" {_scale(match['first_scale'])}"
        words = f"{first} to {_amount(match, match['last'], match['sign'], match['scale'], british)}"
    minus = "minus " if match["minus"] else ""
    per = match["per"]
    return f"{minus}{words}{f' per {PER[per]}' if per else ''}"


def _amount(match: re.Match[str], written: str, sign: str, scale: str | None, british: bool) -> str:
    one, many, *coins = _UNITS[sign]
    country = _COUNTRIES.get(match["country"] or "")
    if country:
        one, many = f"{country} {one}", f"{country} {many}"
    if is_attributive(match):
        many = one
    if scale:
        return f"{amount(written, british)} {_scale(scale)} {many}"
    whole, _, fraction = written.partition(".")
    if len(fraction) > 2:
        return f"{amount(written, british)} {many}"
    cents = int(fraction.ljust(2, "0") or 0)
    units = f"{amount(whole or '0', british)} {one if is_one(whole) else many}"
    if not cents:
        return units
    small = f"{cardinal(cents, british)} {coins[0] if cents == 1 else coins[1]}"
    return small if not int(whole.replace(",", "") or 0) else f"{units} and {small}"


def _scale(written: str) -> str:
    return _SCALES.get(written.lower(), written.lower())


def _coded(match: re.Match[str], british: bool) -> str:
    sign, country = _CODES[match["code"] or match["behind"]]
    one, many = (f"{country} {unit}".lstrip() for unit in _UNITS[sign][:2])
    written = match["number"]
    whole, _, fraction = written.partition(".")
    scale = f"{_scale(match['scale'])} " if match["scale"] else ""
    if len(fraction) == 2 and not scale and int(fraction):
        cents = int(fraction)
        return f"{amount(whole, british)} {many} and {cardinal(cents, british)} {_UNITS[sign][2 if cents == 1 else 3]}"
    return f"{amount(written, british)} {scale}{one if is_one(written) and not scale else many}"


def _behind(match: re.Match[str], british: bool) -> str:
    one, many = _UNITS[match["sign"]][:2]
    scale = f"{_scale(match['scale'])} " if match["scale"] else ""
    return f"{amount(match['number'], british)} {scale}{one if is_one(match['number']) and not scale else many}"


def _cents(match: re.Match[str], british: bool) -> str:
    one, many = ("cent", "cents") if match["sign"] == "¢" else ("penny", "pence")
    return f"{amount(match['number'], british)} {one if is_one(match['number']) else many}"


def _old_money(match: re.Match[str], british: bool) -> str | None:
    parts = []
    if match["pounds"]:
        parts.append(f"{amount(match['pounds'], british)} pound{'' if is_one(match['pounds']) else 's'}")
    if match["shillings"]:
        shillings = int(match["shillings"])
        parts.append(f"{cardinal(shillings, british)} shilling{'' if shillings == 1 else 's'}")
    if match["pence"]:
        parts.append(_OLD_PENCE.get(int(match["pence"])) or f"{cardinal(int(match['pence']), british)} pence")
    if len(parts) < 2:
        return None
    return f"{', '.join(parts[:-1])} and {parts[-1]}{sentence_end(match)}"


_AMOUNT = rf"(?:\d{{1,3}}(?:,\d{{3}})+(?!\d)(?:\.\d+)?|{NUMBER})"
_RANGE = rf"(?:(?P<first_scale>k|m|bn|b)?\s?(?:[–—-]|to)\s?(?P<again>{_SIGN})?(?P<last>{_AMOUNT}))?"
MONEY = (
    Form(
        r"(?:£(?P<pounds>\d{1,3}(?:,\d{3})+|\d+),? |(?<![\w.,£]))(?P<shillings>\d{1,3}) ?s\b\.?,?"
        r" (?P<pence>\d{1,2}) ?d\b\.?",
        _old_money,
    ),
    Form(r"£(?P<pounds>\d{1,3}(?:,\d{3})+|\d+),? (?P<shillings>\d{1,2}) ?s\b(?P<pence>)\.?", _old_money),
    Form(
        rf"(?:(?P<minus>(?<![\w)])[-−])?(?P<country>\b[A-Z]{{1,2}})?)(?P<sign>{_SIGN}) ?(?P<first>{_AMOUNT})"
        rf"{_RANGE}{_SCALE}(?:/(?P<per>{'|'.join(PER)})\b)?(?!\w|\.\d)",
        _money,
        re.IGNORECASE,
    ),
    Form(
        rf"\b(?:(?P<code>{'|'.join(_CODES)}) ?)(?P<number>{_AMOUNT}){_SCALE}(?P<behind>)(?!\w)",
        _coded,
    ),
    Form(rf"{BARE}(?P<code>)(?P<number>{_AMOUNT}){_SCALE} ?(?P<behind>{'|'.join(_CODES)})\b", _coded),
    Form(rf"{BARE}(?P<number>{_AMOUNT}){_SCALE} ?(?P<sign>{_SIGN})(?!\w)", _behind),
    Form(
        rf"{BARE}(?<!:)(?P<number>{_AMOUNT})\s?(?P<sign>¢|(?<=\d)(?<!480)(?<!720)(?<!\d{{4}})p(?!\w|\. ?[\dm]))",
        _cents,
    ),
)
