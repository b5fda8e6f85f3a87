"""Kokoro's vocabulary: phoneme symbols to token ids, and the padded tensor that the model reads.

Source: the models' own configurations. v0.19 has 178 symbols; the apostrophe stands twice and the later id wins. v1.0
has 114 of its own alphabet.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

PAD_ID = 0

_PAD = "$"
_PUNCTUATION = ';:,.!?¡¿—…"«»“” '
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_IPA = (
    "ɑɐɒæɓʙβɔɕçɗɖðʤəɘɚɛɜɝɞɟʄɡɠɢʛɦɧħɥʜɨɪʝɭɬɫɮʟɱɯɰŋɳɲɴøɵɸθœɶʘɹɺɾɻʀʁɽʂʃʈʧʉʊʋⱱʌɣɤʍχʎʏʑʐʒʔʡʕʢǀǁǂǃˈˌːˑʼʴʰʱʲʷˠˤ˞↓↑→↗↘'\u0329'ᵻ"
)

VOCABULARY = {symbol: token_id for token_id, symbol in enumerate(_PAD + _PUNCTUATION + _LETTERS + _IPA)}
"""Symbol → token id, the pad included. The pad never stands for a dollar sign of the text."""

_DROPPED_IN_V1_0 = "$¡¿«»BCDEFGHJKLMNPRUVXZgɓʙɗɘɝɞʄɠɢʛɦɧħʜɭɬɫɮʟɱɵɶʘɺʀʉⱱʍʏʑʐʡʕʢǀǁǂǃˑʼʴʱʷˠˤ˞↑'\u0329"
_NEW_IN_V1_0 = {
    "(": 12, ")": 13, "\u0303": 17, "ʣ": 18, "ʥ": 19, "ʦ": 20, "ʨ": 21, "ᵝ": 22, "ꭧ": 23, "A": 24, "ᵊ": 42,
}  # fmt: skip
VOCABULARY_V1_0 = {symbol: VOCABULARY[symbol] for symbol in VOCABULARY if symbol not in _DROPPED_IN_V1_0} | _NEW_IN_V1_0
"""Symbol → token id of v1.0, which was trained on another alphabet in the same 178 places; it names no pad."""

SPEAKABLE = {symbol: token_id for symbol, token_id in VOCABULARY.items() if token_id != PAD_ID}
"""The same without the pad."""


def speakable_vocabulary(of_v1_0: bool) -> Mapping[str, int]:
    """Return the symbols that a text may have, those of v1.0 or of v0.19; the pad is none of them."""
    return VOCABULARY_V1_0 if of_v1_0 else SPEAKABLE


def token_ids(phonemes: str, vocabulary: Mapping[str, int] = SPEAKABLE) -> list[int]:
    """Return the token id of every symbol of `phonemes`; what is outside the vocabulary is left out."""
    return [vocabulary[symbol] for symbol in phonemes if symbol in vocabulary]


def within_vocabulary(phonemes: str, vocabulary: Mapping[str, int] = SPEAKABLE) -> str:
    """Return `phonemes` without the symbols that have no token id."""
    outside = set(phonemes).difference(vocabulary)
    return phonemes.translate(dict.fromkeys(map(ord, outside))) if outside else phonemes


def padded(ids: Iterable[int]) -> npt.NDArray[np.int64]:
    """Return the model's input for `ids`: int64 of shape (1, n + 2), one pad before and one behind.

    Leaving out the first pad swallows the first words; padding up to the full context is wrong too.
    """
    return np.array([[PAD_ID, *ids, PAD_ID]], dtype=np.int64)
