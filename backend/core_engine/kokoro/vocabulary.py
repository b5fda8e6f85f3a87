"""Kokoro's vocabulary: phoneme symbols to token ids, and the padded input tensor.

Source: the models' own configurations. v0.19 has 178 symbols; the apostrophe is listed twice and the later id wins.
v1.0 has 114 symbols of its own alphabet.
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
"""Symbol → token id, including the pad "$", which never represents a dollar sign in the text."""

_DROPPED_IN_V1_0 = "$¡¿«»BCDEFGHJKLMNPRUVXZgɓʙɗɘɝɞʄɠɢʛɦɧħʜɭɬɫɮʟɱɵɶʘɺʀʉⱱʍʏʑʐʡʕʢǀǁǂǃˑʼʴʱʷˠˤ˞↑'\u0329"
_NEW_IN_V1_0 = {
    "(": 12, ")": 13, "\u0303": 17, "ʣ": 18, "ʥ": 19, "ʦ": 20, "ʨ": 21, "ᵝ": 22, "ꭧ": 23, "A": 24, "ᵊ": 42,
}  # fmt: skip
VOCABULARY_V1_0 = {symbol: VOCABULARY[symbol] for symbol in VOCABULARY if symbol not in _DROPPED_IN_V1_0} | _NEW_IN_V1_0
"""Symbol → token id of v1.0, which uses another alphabet in the same 178 places; it does not list the pad."""

SPEAKABLE = {symbol: token_id for symbol, token_id in VOCABULARY.items() if token_id != PAD_ID}
"""The vocabulary of v0.19 without the pad."""


def speakable_vocabulary(of_v1_0: bool) -> Mapping[str, int]:
    """Return the vocabulary of v1.0 or of v0.19, without the pad."""
    return VOCABULARY_V1_0 if of_v1_0 else SPEAKABLE


def token_ids(phonemes: str, vocabulary: Mapping[str, int] = SPEAKABLE) -> list[int]:
    """Return the token ids of `phonemes`; symbols outside the vocabulary are dropped."""
    return [vocabulary[symbol] for symbol in phonemes if symbol in vocabulary]


def within_vocabulary(phonemes: str, vocabulary: Mapping[str, int] = SPEAKABLE) -> str:
    """Return `phonemes` without symbols outside the vocabulary."""
    outside = set(phonemes).difference(vocabulary)
    return phonemes.translate(dict.fromkeys(map(ord, outside))) if outside else phonemes


def padded(ids: Iterable[int]) -> npt.NDArray[np.int64]:
    """Return the model's input for `ids`: int64 of shape (1, n + 2), with one pad at each end.

    Without the first pad the model swallows the first words. Do not pad to the full context either.
    """
    return np.array([[PAD_ID, *ids, PAD_ID]], dtype=np.int64)
