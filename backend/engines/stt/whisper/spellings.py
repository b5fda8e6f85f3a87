"""British and American spellings of the same English words, brought to one form for comparison only."""

import re

_WORDS = {
    "axe": "ax", "cheque": "check", "cheques": "checks", "draught": "draft", "draughts": "drafts", "draughty": "drafty",
    "grey": "gray", "greyer": "grayer", "greys": "grays", "jewellery": "jewelry", "judgement": "judgment",
    "kerb": "curb", "mould": "mold", "mouldy": "moldy", "moustache": "mustache", "okay": "ok", "plough": "plow",
    "ploughed": "plowed", "ploughs": "plows", "programme": "program", "programmes": "programs", "pyjamas": "pajamas",
    "sceptic": "skeptic", "sceptical": "skeptical", "smoulder": "smolder", "smouldering": "smoldering",
    "storey": "story", "storeys": "stories", "tyre": "tire", "tyres": "tires", "whisky": "whiskey", "woollen": "woolen",
}  # fmt: skip
_ENDINGS = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"(?<=[a-z]{2})our(?=(s|ed|ing|ful|fully|less|able|ably|ite|ites|er|ers|hood|ly)?$)", "or"),
        (r"(?<=[a-z]{2}[iy])s(?=(e|ed|es|er|ers|ing|ation|ations)$)", "z"),
        (r"(?<=[a-z]{2}[tb])re(?=s?$)", "er"),
        (r"(?<=[a-z])ogue(?=s?$)", "og"),
        (r"(?<=[a-z]{2}l)l(?=(ed|ing|er|ers)$)", ""),
        (r"(?<=[a-z]en)c(?=es?$)", "s"),
    )
)


def one_spelling(word: str) -> str:
    """Return the form of a lower-case English word that its British and American spellings share.

    It need not be a word: "four" and "for", which sound alike, become one, too.
    """
    word = _WORDS.get(word, word)
    for pattern, replacement in _ENDINGS:
        word = pattern.sub(replacement, word)
    return word
