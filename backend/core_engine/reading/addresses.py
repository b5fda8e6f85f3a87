"""Internet addresses and files: URLs, hosts, e-mail and IP addresses, file names, handles and hashtags."""

import re

from core_engine.reading.forms import Form, words
from core_engine.reading.initials import with_letter_a
from core_engine.reading.numerals import cardinal, digits, year

_SIGNS = {
    ".": "dot", "/": "slash", "-": "dash", "_": "underscore", "?": "question mark", "=": "equals", "&": "and",
    "#": "hash", "~": "tilde", "%": "percent", "+": "plus", ":": "colon", "@": "at", "\\": "backslash", "!": "bang",
    ",": "comma", ";": "semicolon", "*": "star", "$": "dollar",
}  # fmt: skip
_DOMAINS = (
    "com|org|net|edu|gov|mil|int|info|biz|name|pro|io|ai|co|uk|us|ca|au|nz|ie|de|fr|es|it|nl|be|ch|at|se|no|dk|fi|pl|"
    "pt|gr|cz|ru|cn|jp|kr|in|br|mx|za|eu|tv|me|app|dev|tech|blog|shop|store|online|site|xyz|cloud|news|art|fm|ly|gg|"
    "museum|academy|world|live|media|example|test|local"
)
_FILES = (
    "txt|pdf|docx?|xlsx?|pptx?|csv|json|xml|ya?ml|toml|ini|cfg|html?|css|js|ts|py|rb|rs|go|java|c|h|cpp|sh|bat|exe|dll|"
    "zip|tar|gz|rar|7z|mp3|mp4|wav|ogg|flac|avi|mkv|mov|jpe?g|png|gif|svg|bmp|webp|tiff?|md|rst|log|epub|mobi|onnx|bin|"
    "iso|apk|dmg|sql|db|bak|tmp|conf|ipynb|tex|odt|rtf|psd|ics|npz"
)
_AS_WORDS = frozenset(
    words(
        "com org net gov mil info biz name pro co app dev tech blog shop store online site cloud news art museum "
        "academy world live media example test local doc zip tar json bat java log bin iso conf tex gif wav mov go bak "
        "mobi int name tiff tif jpeg yaml toml web my the in on to go do of is it at be we he me so up no or us an by "
        "if"
    )
) - {"it", "us", "in", "no", "at", "be", "me", "is"}
_COUNTRIES = frozenset(
    words(
        "uk us ca au nz ie de fr es it nl be ch at se no dk fi pl pt gr cz ru cn jp kr in br mx za eu tv io ai fm gg me"
    )
)
_PIECE = re.compile(r"[A-Z]?[a-zà-ÿ'’]+|[A-ZÀ-Þ]+(?![a-zà-ÿ])|[A-ZÀ-Þ]|\d+|[^\w\s]|_|\w")
_VOWEL = re.compile("[aeiouyAEIOUY]")


def spelled(address: str, british: bool) -> str:
    """Return an address in words: signs by name, unpronounceable parts letter by letter."""
    words: list[str] = []
    pieces = _PIECE.findall(address)
    for number, piece in enumerate(pieces):
        last = number > 0 and pieces[number - 1] == "."
        words.append(_SIGNS.get(piece) or _part(piece, last, british))
    return " ".join(words)


def _part(piece: str, follows_dot: bool, british: bool) -> str:
    if piece.isdigit():
        return _number(piece, british)
    if not piece.isalpha() or not piece.isascii():
        return piece
    lower = piece.lower()
    if lower == "etc":
        return "E T C"
    if follows_dot and (lower in _COUNTRIES or (re.fullmatch(_FILES, lower) and lower not in _AS_WORDS)):
        return _letters(piece)
    if len(piece) == 1 or (lower not in _AS_WORDS and not _VOWEL.search(piece)):
        return _letters(piece)
    return piece


def _letters(piece: str) -> str:
    return with_letter_a(" ".join(piece.upper()), " x")


def _number(piece: str, british: bool) -> str:
    if len(piece) == 4 and piece[:2] in ("19", "20"):
        return year(int(piece), british)
    return digits(piece) if len(piece) > 2 or piece[0] == "0" else cardinal(int(piece), british)


def _url(match: re.Match[str], british: bool) -> str:
    return spelled(match["rest"].rstrip("/") or match["rest"], british)


def _address(match: re.Match[str], british: bool) -> str:
    return spelled(match.group(), british)


def _ip(match: re.Match[str], british: bool) -> str | None:
    parts = match["numbers"].split(".")
    if any(int(part) > 255 for part in parts):
        return None
    spoken = " dot ".join(map(digits, parts))
    if match["port"]:
        spoken += f" colon {digits(match['port'])}"
    return f"{spoken} slash {cardinal(int(match['net']), british)}" if match["net"] else spoken


def _file(match: re.Match[str], british: bool) -> str:
    return spelled(match.group(), british)


def _handle(match: re.Match[str], british: bool) -> str:
    return f"at {spelled(match['name'], british)}"


def _hashtag(match: re.Match[str], british: bool) -> str:
    return f"hashtag {spelled(match['name'], british)}"


_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}\.){1,8}"
_LABELS = r"(?:[A-Za-z0-9][A-Za-z0-9-]{0,62}\.){1,8}"
_PATH = r"(?::\d{1,5})?(?:[/?#][^\s<>\"”“’]*[^\s<>\"”“’.,;:!?)\]}'…—*]|/)?"
ADDRESSES = (
    Form(r"\b(?:https?|ftps?|file)://(?P<rest>[^\s<>\"”“]*[^\s<>\"”“’.,;:!?)\]}'…—*])", _url, re.IGNORECASE),
    Form(r"\bmailto:(?P<rest>\S*\w)", _url),
    Form(r"(?<![\w.+-])[\w.+%-]{1,64}@(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24}\b", _address),
    Form(rf"(?<![\w.@])(?:www\.{_LABELS}[A-Za-z]{{2,24}}){_PATH}", _address, re.IGNORECASE),
    Form(rf"(?<![\w.@-]){_LABELS}(?:{_DOMAINS})\b(?!\.\w)(?![-'’]\w){_PATH}", _address),
    Form(r"\blocalhost(?::\d{2,5})(?:/[\w./-]*\w)?", _address),
    Form(
        r"(?<![\w.])(?P<numbers>(?:\d{1,3}\.){3}\d{1,3})(?::(?P<port>\d{1,5}))?(?:/(?P<net>\d\d?)\b)?(?!\w|\.\d)",
        _ip,
    ),
    Form(
        r"(?<![\w.])[A-Za-z]:\\[\w\\ .-]*\w|(?<![\w.])(?:(?:\.{1,2})?/(?:[\w.-]+/)+|~/(?:[\w.-]+/)*)[\w.-]*\w",
        _file,
    ),
    Form(
        rf"(?<![\w.@])(?:[\w-]+/){{0,8}}[\w-]{{1,64}}(?:\.[\w-]{{1,20}}){{0,3}}\.(?:{_FILES})\b(?![\w(])(?!\.\w)",
        _file,
    ),
    Form(rf"(?<![\w./@])\.(?:{_FILES})\b(?= (?:file|document|format|extension))", _file),
    Form(r"(?<![\w@./])@(?P<name>[A-Za-z_]\w{1,30})\b", _handle),
    Form(r"(?<![\w#&/])#(?P<name>[A-Za-z]\w{1,40})\b", _hashtag),
)
