"""Measures: 10km, 5 ft, 60mph, 20°C, 6'2", 5–10 kg, 50%, 4 1/2 lbs, 30m², 3x4, 10x, 40°26′N."""

import re

from core_engine.reading.attributes import is_attributive
from core_engine.reading.forms import Form, sentence_end
from core_engine.reading.numbers import DASH, VULGAR, mixed
from core_engine.reading.numerals import BARE, NUMBER, amount, cardinal, is_one

_LENGTHS = {
    "km": "kilo",
    "cm": "centi",
    "mm": "milli",
    "nm": "nano",
    "µm": "micro",
    "μm": "micro",
    "dm": "deci",
    "m": "",
}
_VOLUMES = {"ml": "milli", "mL": "milli", "cl": "centi", "dl": "deci", "l": "", "L": ""}
_UNITS = {
    "kg": "kilogram", "kgs": "kilogram", "g": "gram", "mg": "milligram", "µg": "microgram", "mcg": "microgram",
    "lb": "pound", "lbs": "pound", "oz": "ounce", "ton": "ton",
    "in": "inch", "ins": "inch", "ft": "foot", "yd": "yard", "yds": "yard", "mi": "mile", "nmi": "nautical mile",
    "gal": "gallon", "qt": "quart", "pt": "pint", "tsp": "teaspoon", "tbsp": "tablespoon", "fl oz": "fluid ounce",
    "fl. oz": "fluid ounce",
    "h": "hour", "hr": "hour", "hrs": "hour", "min": "minute", "mins": "minute", "s": "second", "sec": "second",
    "secs": "second", "ms": "millisecond", "wk": "week", "wks": "week", "mo": "month", "mos": "month", "yr": "year",
    "yrs": "year",
    "Hz": "hertz", "kHz": "kilohertz", "MHz": "megahertz", "GHz": "gigahertz", "W": "watt", "kW": "kilowatt",
    "MW": "megawatt", "GW": "gigawatt", "Wh": "watt hour", "kWh": "kilowatt hour", "MWh": "megawatt hour", "V": "volt",
    "kV": "kilovolt", "mV": "millivolt", "A": "amp", "mA": "milliamp", "mAh": "milliamp hour", "Ω": "ohm",
    "kΩ": "kilohm", "J": "joule", "kJ": "kilojoule", "MJ": "megajoule", "cal": "calorie", "kcal": "kilocalorie",
    "N": "newton", "Nm": "newton meter", "Pa": "pascal", "kPa": "kilopascal", "hPa": "hectopascal", "dB": "decibel",
    "KB": "kilobyte", "kB": "kilobyte", "MB": "megabyte", "GB": "gigabyte", "TB": "terabyte", "PB": "petabyte",
    "KiB": "kibibyte", "MiB": "mebibyte", "GiB": "gibibyte", "Mb": "megabit", "Gb": "gigabit", "px": "pixel",
    "ha": "hectare", "kn": "knot", "kts": "knot", "ly": "light year",
}  # fmt: skip
_RATES = {
    "mph": "mile", "MPH": "mile", "kph": "kilometer", "kmh": "kilometer", "km/h": "kilometer", "m/s": "meter",
    "ft/s": "foot",
    "mpg": "mile", "rpm": "revolution", "fps": "frame", "bpm": "beat", "dpi": "dot", "ppm": "part", "bps": "bit",
    "kbps": "kilobit", "Kbps": "kilobit", "Mbps": "megabit", "mbps": "megabit", "Gbps": "gigabit", "psi": "pound",
}  # fmt: skip
_RATES_PER = {
    "mph": "hour", "MPH": "hour", "kph": "hour", "kmh": "hour", "km/h": "hour", "mpg": "gallon", "rpm": "minute",
    "bpm": "minute",
    "dpi": "inch", "ppm": "million", "psi": "square inch",
}  # fmt: skip
PER = {
    "hour": "hour", "hr": "hour", "h": "hour", "day": "day", "week": "week", "wk": "week", "month": "month",
    "mo": "month", "year": "year", "yr": "year", "min": "minute", "minute": "minute", "s": "second", "sec": "second",
    "second": "second", "kg": "kilogram", "lb": "pound", "g": "gram", "km": "kilometer", "mile": "mile", "mi": "mile",
    "person": "person", "night": "night", "gallon": "gallon", "gal": "gallon", "l": "liter", "L": "liter",
    "liter": "liter", "litre": "litre", "oz": "ounce", "unit": "unit", "m": "meter", "m²": "square meter",
    "m³": "cubic meter", "cm³": "cubic centimeter", "ml": "milliliter", "mL": "milliliter",
}  # fmt: skip
"""What may follow the slash of "$5/month"."""

_IRREGULAR = {"foot": "feet", "inch": "inches", "stone": "stone"}
_ONLY_ATTACHED = frozenset(["A", "N", "J", "s", "in", "h", "ms", "Nm"])
"""Units that are also letters or words: after a space they are left as they are."""
_ALL = sorted([*_LENGTHS, *_VOLUMES, *_UNITS, *_RATES], key=len, reverse=True)
_UNIT = "|".join(re.escape(unit) for unit in _ALL)
_ENGLISH = re.compile(r"meter|liter")


def unit_words(unit: str, square: str, one: bool, british: bool) -> str:
    """Return a unit in words: kilometers, square feet, miles per hour."""
    if unit in _RATES:
        spoken = f"{_plural(_RATES[unit], one)} per {_RATES_PER.get(unit, 'second')}"
    else:
        whole = _LENGTHS.get(unit, _VOLUMES.get(unit))
        name = _UNITS[unit] if whole is None else whole + ("meter" if unit in _LENGTHS else "liter")
        spoken = f"{ {'2': 'square ', '3': 'cubic '}.get(square, '') }{_plural(name, one)}"
    return british_spelling(spoken) if british else spoken


def british_spelling(words: str) -> str:
    """Return `words` with British spelling: metres, litres."""
    return _ENGLISH.sub(lambda match: match.group()[:-2] + "re", words)


def _plural(name: str, one: bool) -> str:
    return name if one or name.endswith("hertz") else _IRREGULAR.get(name, name + "s")


def quantity(match: re.Match[str], british: bool) -> str:
    """Return the number of a measure, or both numbers of a range, in words."""
    whole, top, sign = match["first"], match["top"], match["vulgar"]
    if sign:
        number = mixed(whole, *VULGAR[sign], british) if whole else mixed("0", *VULGAR[sign], british)[9:]
    elif top:
        number = mixed(whole, int(top), int(match["bottom"]), british)
    else:
        number = amount(whole, british)
    minus, scale = "minus " if match["minus"] else "", match["order"] or ""
    return f"{minus}{number}{' to ' + amount(match['last'], british) if match['last'] else ''}{scale}"


def _measure(match: re.Match[str], british: bool) -> str | None:
    unit, space = match["unit"], match["space"]
    if space and unit in _ONLY_ATTACHED and not match.group().endswith("."):
        return None
    plain = not (match["order"] or match["last"] or match["top"] or match["vulgar"])
    one = (plain and is_one(match["first"])) or space == "-" or is_attributive(match)
    squares = {"²": "2", "³": "3", "2": "2", "3": "3", "sq": "2", "cu": "3"}
    square = squares.get((match["power"] or match["square"] or "").strip(". "), "")
    words = unit_words(unit, square, one, british)
    per = f" per {PER[match['per']]}" if match["per"] else ""
    return f"{quantity(match, british)} {words}{british_spelling(per) if british else per}{sentence_end(match)}"


def _bare(match: re.Match[str], british: bool) -> str:
    power = {"²": "2", "³": "3"}.get(match["power"] or "", "")
    return unit_words(match["unit"], power, match["per"] is not None, british)


def _degrees(match: re.Match[str], british: bool) -> str:
    scale = {
        "C": " Celsius",
        "F": " Fahrenheit",
        "K": " Kelvin",
        "N": " north",
        "S": " south",
        "E": " east",
        "W": " west",
    }
    one = (not match["last"] and is_one(match["first"])) or (not match["scale"] and is_attributive(match))
    return f"{quantity(match, british)} degree{'' if one else 's'}{scale.get(match['scale'] or '', '')}"


def _angle(match: re.Match[str], british: bool) -> str:
    parts = [f"{amount(match['degrees'], british)} degrees {amount(match['minutes'], british)} minutes"]
    if match["seconds"]:
        parts.append(f"{amount(match['seconds'], british)} seconds")
    points = {"N": "north", "S": "south", "E": "east", "W": "west"}
    return " ".join([*parts, points.get(match["point"] or "", "")]).rstrip()


def _percent(match: re.Match[str], british: bool) -> str:
    return f"{quantity(match, british)} {'percent' if match['sign'] == '%' else 'per mille'}"


def _percents(match: re.Match[str], british: bool) -> str:
    return f"{amount(match['first'], british)} to {amount(match['last'], british)} percent"


def _height(match: re.Match[str], british: bool) -> str:
    feet, inches = int(match["feet"]), amount(match["inches"], british)
    if match["inches"] == "0":
        return f"{cardinal(feet, british)} {_plural('foot', feet == 1)}"
    return f"{cardinal(feet, british)} foot {inches}"


def _feet_inches(match: re.Match[str], british: bool) -> str:
    feet, inches = match["feet"], match["inches"]
    return (
        f"{amount(feet, british)} {_plural('foot', is_one(feet))} {amount(inches, british)} "
        f"{_plural('inch', is_one(inches))}{sentence_end(match)}"
    )


def _feet(match: re.Match[str], british: bool) -> str | None:
    before = match.string[max(0, match.start() - 400) : match.start()]
    if before.count(match["sign"]) % 2 or "“" in before.rpartition("”")[2] or "‘" in before.rpartition("’")[2]:
        return None  # a closing quote
    name = "foot" if match["sign"] in "'′" else "inch"
    one = is_one(match["first"]) or is_attributive(match)
    return f"{amount(match['first'], british)} {_plural(name, one)}"


def _sides(match: re.Match[str], british: bool) -> str | None:
    sign, spaced = match["sign"], match.group().count(" ") > 0
    word = "times" if sign == "×" and spaced else "by"
    numbers = re.split(r"\s?[x×X]\s?", match.group())
    return f" {word} ".join(amount(number, british) for number in numbers)


def _times(match: re.Match[str], british: bool) -> str:
    return f"{amount(match['first'], british)} times"


_RANGE = rf"(?:{DASH}(?P<last>{NUMBER}))?"
_SCALED = r"(?P<order> (?:hundred|thousand|(?:m|b|tr)illion)(?=[ -]))?"
_FIRST = rf"(?:(?<![\w)\]%.-])(?P<minus>[-−])|{BARE})(?P<first>{NUMBER})"
_QUANTITY = (
    rf"(?:{_FIRST}(?:(?P<vulgar>[{''.join(VULGAR)}])|[ -](?P<top>\d{{1,2}})[/⁄](?P<bottom>\d{{1,2}})"
    rf"|{_RANGE}{_SCALED}))"
)
MEASURES = (
    Form(rf"{BARE}(?P<first>{NUMBER})\s?%{DASH}(?P<last>{NUMBER})\s?%", _percents),
    Form(
        rf"{BARE}(?P<feet>\d{{1,3}}) ?(?:ft|feet|foot)\.? ?(?P<inches>\d{{1,2}}(?:\.\d+)?) ?(?:in\b\.?"
        rf"(?!\w)|inches\b)",
        _feet_inches,
    ),
    Form(
        rf"{BARE}(?P<degrees>\d{{1,3}})° ?(?P<minutes>\d\d?(?:\.\d+)?)[′'’] ?(?:(?P<seconds>\d\d?"
        rf"(?:\.\d+)?)[″\"”] ?)?(?P<point>[NSEW]\b)?",
        _angle,
    ),
    Form(rf"{_QUANTITY}\s?[°º](?: ?(?P<scale>[CFKNSEW])\b)?", _degrees),
    Form(rf"{_QUANTITY}\s?(?P<sign>[%‰])", _percent),
    Form(rf"{BARE}(?P<feet>\d{{1,2}}) ?['’′] ?(?P<inches>\d{{1,2}}(?:\.\d+)?) ?(?:[\"”″]|''|’’)", _height),
    Form(rf"{BARE}(?P<first>\d{{1,4}}(?:\.\d+)?)(?P<sign>[\"'″′])(?![\w\"'])(?=[ ,;x×)-])", _feet),
    Form(
        rf"{_QUANTITY}(?P<space>[ \u00a0\u202f-]?)(?P<square>sq\.? ?|cu\.? ?)?(?P<unit>{_UNIT})(?P<power>[²³]|"
        rf"(?<=m)[23])?"
        rf"(?:/(?P<per>{'|'.join(sorted(PER, key=len, reverse=True))}))?(?![\w²³/'’])(?!-\d)(?:"
        rf"(?<=in|ft|yd|oz|lb|mi|hr)\.|(?<=lbs|min|sec|gal|yds|hrs)\.)?",
        _measure,
    ),
)
SIDES = (
    Form(
        rf"{BARE}(?!0x){NUMBER}\s?(?P<sign>[x×])\s?{NUMBER}(?:\s?(?P=sign)\s?{NUMBER})?"
        rf"(?![\w.]*\d|\w|\^|[⁰¹²³⁴⁵⁶⁷⁸⁹⁻])",
        _sides,
    ),
    Form(rf"{BARE}(?P<first>{NUMBER})[x×](?!\w)", _times),
)
BARE_UNITS = (
    Form(
        r"(?P<per>(?<=per )|(?<=each )|(?<=/))?(?<![\w.@-])(?P<unit>km/h|mph|kph|km|kg|cm|mm|ml|mg|lbs|kWh)"
        r"(?P<power>(?<=m)[²³])?(?![\w'’-]|\.\w)",
        _bare,
    ),
)
