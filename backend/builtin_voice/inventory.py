"""The meaning of every symbol of the vocabulary for the built-in voice: a phone, a pause, or a modifier.

The voice has one *unit* per English phone of espeak's `en-us` and `en-gb`; every other letter of the vocabulary maps to
the closest unit, so that any sequence of the 178 ids can be spoken.
"""

from core_engine.kokoro.vocabulary import VOCABULARY

SILENCE = "_"
"""The unit of pads and of punctuation that pauses."""

VOWELS = (
    *("i", "iː", "ɪ", "ᵻ", "e", "ɛ", "æ", "a", "ɐ", "ʌ", "ə", "ɚ", "ɜː", "ɑː", "ɒ", "ɔ", "ɔː", "o", "ʊ", "uː"),
    "n̩",
)
NASALS = ("m", "n", "ŋ")
LIQUIDS = ("l", "ɹ", "j", "w")
VOICED_FRICATIVES = ("v", "ð", "z", "ʒ")
VOICELESS_FRICATIVES = ("f", "θ", "s", "ʃ", "h")
VOICED_STOPS = ("b", "d", "ɡ", "ɾ")
VOICELESS_STOPS = ("p", "t", "k", "ʔ")
MANNERS = (
    (SILENCE,),
    tuple(vowel for vowel in VOWELS if not vowel.endswith("ː")),
    tuple(vowel for vowel in VOWELS if vowel.endswith("ː")),
    *(NASALS, LIQUIDS, VOICED_FRICATIVES, VOICELESS_FRICATIVES, VOICED_STOPS, VOICELESS_STOPS),
)
"""Units by manner of articulation, each unit once; most rules depend on the manner."""

UNITS = tuple(unit for manner in MANNERS for unit in manner)

PAUSES = ",;:.!?—…"
RISING = "?"
FALLING = ".!…"
PRIMARY_STRESS, SECONDARY_STRESS = "ˈ", "ˌ"
LENGTHENING = "ːˑ\u0329"
"""Marks after a symbol that select its long or syllabic unit, if there is one."""

WORD_BREAKS = ' "«»“”¡¿' + PAUSES
"""Symbols between words; those that are not pauses take no time."""

_LONG = {"i": "iː", "ɔ": "ɔː", "o": "ɔː", "n": "n̩"}

_NEAREST = {
    "ɜ": "ɜː", "ɑ": "ɑː", "u": "uː",
    "ɓ": "b", "ʙ": "b", "β": "v", "ɕ": "ʃ", "ç": "h", "ɗ": "d", "ɖ": "d", "ʤ": "ʒ", "ɘ": "ə", "ɝ": "ɚ", "ɞ": "ɜː",
    "ɟ": "ɡ", "ʄ": "ɡ", "g": "ɡ", "ɢ": "ɡ", "ʛ": "ɡ", "ɦ": "h", "ɧ": "ʃ", "ħ": "h", "ɥ": "j", "ʜ": "h", "ɨ": "ᵻ",
    "ʝ": "j", "ɭ": "l", "ɬ": "l", "ɫ": "l", "ɮ": "l", "ʟ": "l", "ɱ": "m", "ɯ": "uː", "ɰ": "w", "ɳ": "n", "ɲ": "n",
    "ɴ": "ŋ", "ø": "ɜː", "ɵ": "ʊ", "ɸ": "f", "œ": "ɜː", "ɶ": "a", "ʘ": "p", "ɺ": "l", "ɻ": "ɹ", "ʀ": "ɹ", "ʁ": "ɹ",
    "ɽ": "ɾ", "ʂ": "ʃ", "ʈ": "t", "ʧ": "ʃ", "ʉ": "uː", "ʋ": "v", "ⱱ": "v", "ɣ": "ɡ", "ɤ": "ʌ", "ʍ": "w", "χ": "h",
    "ʎ": "l", "ʏ": "ʊ", "ʑ": "ʒ", "ʐ": "ʒ", "ʡ": "ʔ", "ʕ": "ʔ", "ʢ": "ʔ", "ǀ": "t", "ǁ": "t", "ǂ": "t", "ǃ": "t",
    "c": "k", "q": "k", "r": "ɹ", "x": "h", "y": "i",
    "A": "e", "B": "b", "C": "k", "D": "d", "E": "ɛ", "F": "f", "G": "ɡ", "H": "h", "I": "i", "J": "j", "K": "k",
    "L": "l", "M": "m", "N": "n", "O": "o", "P": "p", "Q": "k", "R": "ɹ", "S": "s", "T": "t", "U": "uː", "V": "v",
    "W": "w", "X": "h", "Y": "i", "Z": "z",
}  # fmt: skip


def unit_of(symbol: str) -> str | None:
    """Return the unit that speaks `symbol`, or None for a mark without sound."""
    if symbol == "$" or symbol in PAUSES:
        return SILENCE
    unit = _NEAREST.get(symbol, symbol)
    return unit if unit in UNITS else None


def lengthened(unit: str) -> str:
    """Return the long or syllabic form of `unit`, or `unit` itself if it has none."""
    return _LONG.get(unit, unit)


def symbols() -> list[str]:
    """Return the symbol of every token id, in order; an id that no longer has a symbol gets its earlier one."""
    names = ["'"] * (max(VOCABULARY.values()) + 1)
    for symbol, token_id in VOCABULARY.items():
        names[token_id] = symbol
    return names
