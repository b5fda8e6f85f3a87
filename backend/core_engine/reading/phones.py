"""Telephone numbers, read digit by digit in groups: 555-123-4567, (555) 123-4567, +44 20 7946 0958, 1-800-…"""

import re

from core_engine.reading.forms import Form
from core_engine.reading.numerals import digits

_GROUP = re.compile(r"\d+")


def _phone(match: re.Match[str], _british: bool) -> str:
    groups = _GROUP.findall(match.group())
    spoken = ", ".join(_spoken(number, group) for number, group in enumerate(groups))
    return f"plus {spoken}" if match.group().startswith("+") else spoken


def _spoken(number: int, group: str) -> str:
    return "eight hundred" if group == "800" and number == 1 else digits(group)


_END = r"(?!\d|[.,:/–—-]\d|\w)"
PHONES = (
    Form(rf"(?<![\w+])\+\d{{1,3}}(?:[ .-]?\(?\d{{1,4}}\)?){{2,6}}{_END}", _phone),
    Form(rf"(?<![\w.,:/–—-])(?:1[ .-])?(?:\(\d{{3}}\) ?|\d{{3}}[ .-])\d{{3}}[ .-]\d{{4}}{_END}", _phone),
    Form(rf"(?<![\w.,:/–—$£€-])(?<!\d )[2-9]\d\d[-]\d{{4}}{_END}", _phone),
    Form(rf"(?<![\w.,:/–—$£€-])\(?0\d{{2,4}}\)? \d{{3,4}}(?: \d{{3,4}})?{_END}", _phone),
    Form(rf"(?<![\w.,:/–—$£€-])1-[A-Z]*800-\d{{3}}-\d{{4}}{_END}", _phone),
)
