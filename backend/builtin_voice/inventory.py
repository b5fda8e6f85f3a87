"""What every symbol of the vocabulary means to the built-in voice: a phone, a pause, or a mark on its neighbour.

The voice has one *unit* per English phone of espeak's `en-us` and `en-gb`; every other letter of the vocabulary
speaks as the nearest of them, so that all 178 ids in any order are defined.
"""

from core_engine.kokoro.vocabulary import VOCABULARY

SILENCE = "_"
"""The unit of pads and of punctuation that pauses."""

VOWELS = (
    *("i", "iː", "ɪ", "ᵻ", "e", "eː", "ɛ", "ɛː", "æ", "a", "aː", "ɐ", "ʌ", "ə", "ɚ", "ɜ", "ɜː"),
    *("ɑ", "ɑː", "ɒ", "ɔ", "ɔː", "o", "oː", "ʊ", "u", "uː"),
)
SYLLABIC = ("n̩", "l̩")
NASALS = ("m", "n", "ŋ")
LIQUIDS = ("l", "ɹ", "j", "w")
FRICATIVES = ("f", "v", "θ", "ð", "s", "z", "ʃ", "ʒ", "h")
STOPS = ("p", "b", "t", "d", "k", "ɡ", "ɾ", "ʔ")
UNITS = (SILENCE, *VOWELS, *SYLLABIC, *NASALS, *LIQUIDS, *FRICATIVES, *STOPS)

PAUSES = ",;:.!?—…"
RISING = "?"
FALLING = ".!…"
PRIMARY_STRESS, SECONDARY_STRESS = "ˈ", "ˌ"
LENGTHENING = "ːˑ\u0329"
"""Marks behind a symbol that turn it into its long or syllabic unit, where there is one."""

WORD_BREAKS = ' "«»“”¡¿' + PAUSES
"""Symbols between words; those that are no pauses take no time."""

NUCLEI = VOWELS + SYLLABIC

_NEAREST = {
    "ɓ": "b", "ʙ": "b", "β": "v", "ɕ": "ʃ", "ç": "h", "ɗ": "d", "ɖ": "d", "ʤ": "ʒ", "ɘ": "ə", "ɝ": "ɚ", "ɞ": "ɜ",
    "ɟ": "ɡ", "ʄ": "ɡ", "g": "ɡ", "ɢ": "ɡ", "ʛ": "ɡ", "ɦ": "h", "ɧ": "ʃ", "ħ": "h", "ɥ": "j", "ʜ": "h", "ɨ": "ᵻ",
    "ʝ": "j", "ɭ": "l", "ɬ": "l", "ɫ": "l", "ɮ": "l", "ʟ": "l", "ɱ": "m", "ɯ": "u", "ɰ": "w", "ɳ": "n", "ɲ": "n",
    "ɴ": "ŋ", "ø": "ɜ", "ɵ": "ʊ", "ɸ": "f", "œ": "ɜ", "ɶ": "a", "ʘ": "p", "ɺ": "l", "ɻ": "ɹ", "ʀ": "ɹ", "ʁ": "ɹ",
    "ɽ": "ɾ", "ʂ": "ʃ", "ʈ": "t", "ʧ": "ʃ", "ʉ": "u", "ʋ": "v", "ⱱ": "v", "ɣ": "ɡ", "ɤ": "ʌ", "ʍ": "w", "χ": "h",
    "ʎ": "l", "ʏ": "ʊ", "ʑ": "ʒ", "ʐ": "ʒ", "ʡ": "ʔ", "ʕ": "ʔ", "ʢ": "ʔ", "ǀ": "t", "ǁ": "t", "ǂ": "t", "ǃ": "t",
    "c": "k", "q": "k", "r": "ɹ", "x": "h", "y": "i",
    "A": "e", "B": "b", "C": "k", "D": "d", "E": "ɛ", "F": "f", "G": "ɡ", "H": "h", "I": "i", "J": "j", "K": "k",
    "L": "l", "M": "m", "N": "n", "O": "o", "P": "p", "Q": "k", "R": "ɹ", "S": "s", "T": "t", "U": "u", "V": "v",
    "W": "w", "X": "h", "Y": "i", "Z": "z",
}  # fmt: skip


def unit_of(symbol: str) -> str | None:
    """Return the unit that speaks `symbol`, or None for a mark that makes no sound of its own."""
    if symbol == "$" or symbol in PAUSES:
        return SILENCE
    unit = _NEAREST.get(symbol, symbol)
    return unit if unit in UNITS else None


def lengthened(unit: str, mark: str = "ː") -> str:
    """Return the long or syllabic form of `unit`, or `unit` itself where it has none."""
    for form in (unit + mark, unit + "ː", unit + "\u0329"):
        if form in UNITS:
            return form
    return unit


def symbols() -> list[str]:
    """Return the symbol of every token id, in order; an id that no symbol owns any more gets its earlier owner's."""
    names = ["'"] * (max(VOCABULARY.values()) + 1)
    for symbol, token_id in VOCABULARY.items():
        names[token_id] = symbol
    return names
