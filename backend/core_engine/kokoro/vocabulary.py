"""Kokoro's vocabulary: phoneme symbols to token ids, and the padded tensor that the model reads.

Source: the v0.19 model's own configuration. 178 symbols; the apostrophe stands twice and the later id wins.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

SAMPLE_RATE = 24_000
"""Samples per second of everything Kokoro says; mono."""

MAX_TOKENS = 510
"""Token ids in one run of the model: its context of 512 less the two pads."""

PAD_ID = 0
STYLE_SIZE = 256
"""Values in one style vector: 128 for the decoder, then 128 for the prosody predictor."""

_PAD = "$"
_PUNCTUATION = ';:,.!?¡¿—…"«»“” '
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_IPA = (
    "ɑɐɒæɓʙβɔɕçɗɖðʤəɘɚɛɜɝɞɟʄɡɠɢʛɦɧħɥʜɨɪʝɭɬɫɮʟɱɯɰŋɳɲɴøɵɸθœɶʘɹɺɾɻʀʁɽʂʃʈʧʉʊʋⱱʌɣɤʍχʎʏʑʐʒʔʡʕʢǀǁǂǃˈˌːˑʼʴʰʱʲʷˠˤ˞↓↑→↗↘'\u0329'ᵻ"
)

VOCABULARY = {symbol: token_id for token_id, symbol in enumerate(_PAD + _PUNCTUATION + _LETTERS + _IPA)}
"""Symbol → token id, the pad included. The pad never stands for a dollar sign of the text."""

_SPEAKABLE = {symbol: token_id for symbol, token_id in VOCABULARY.items() if token_id != PAD_ID}


def token_ids(phonemes: str) -> list[int]:
    """Return the token id of every symbol of `phonemes`; what is outside the vocabulary is left out."""
    return [_SPEAKABLE[symbol] for symbol in phonemes if symbol in _SPEAKABLE]


def within_vocabulary(phonemes: str) -> str:
    """Return `phonemes` without the symbols that have no token id."""
    return "".join(symbol for symbol in phonemes if symbol in _SPEAKABLE)


def padded(ids: Iterable[int]) -> npt.NDArray[np.int64]:
    """Return the model's input for `ids`: int64 of shape (1, n + 2), one pad before and one behind.

    Leaving out the first pad swallows the first words; padding up to the full context is wrong too.
    """
    return np.array([[PAD_ID, *ids, PAD_ID]], dtype=np.int64)
