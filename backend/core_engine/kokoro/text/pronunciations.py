"""Put the phonemes of a pronunciation list in place of what the G2P would say for these words.

The G2P reads a stand-in, a word that does not exist, so that the words around it are read as they would be: "the"
differs before a vowel, and "to" at the end of a text. In its answer the stand-in is replaced. If the answer does not
have it, the texts between the words are read on their own.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from core_engine.kokoro.text.ipa import phonemes_of
from core_engine.reading.lexicon import Lexicon

Speak = Callable[[Sequence[str]], list[str]]
"""The G2P: the phonemes of every text."""

_STAND_INS = ("Zuvzov", "Avzov")
"""They begin with a consonant and with a vowel."""

_VOWELS = frozenset("aeiouyɑɐɒæɔəɚɛɜɝɪʊʌᵻAIOQWY")
_POSSESSIVE = re.compile(r"['’][sS]\b")
_HISSING, _VOICELESS = frozenset("szʃʒʧʤ"), frozenset("ptkfθ")


@dataclass(frozen=True)
class _Word:
    """A word of a text, and its phonemes."""

    start: int
    end: int
    phonemes: str

    @property
    def begins_with_vowel(self) -> bool:
        return self.phonemes.lstrip("ˈˌ")[:1] in _VOWELS


def speak_with(lexicon: Lexicon, version: str, texts: Sequence[str], speak: Speak) -> list[str]:
    """Return what `speak` says for every text, with the phonemes of `lexicon` for its words.

    Raises LexiconError for a phoneme that the version of Kokoro does not have.
    """
    words = [_words(text, lexicon, version) for text in texts]
    if not any(words):
        return speak(texts)
    spoken = speak([_with_stand_ins(text, found) for text, found in zip(texts, words, strict=True)])
    sounds = [sound.strip() for sound in speak(_STAND_INS)]
    return [
        _filled(phonemes, found, sounds) or _between(text, found, speak)
        for text, found, phonemes in zip(texts, words, spoken, strict=True)
    ]


def _words(text: str, lexicon: Lexicon, version: str) -> list[_Word]:
    words = []
    for found in lexicon.phonemes_in(text):
        phonemes, end = phonemes_of(found.entry, version, lexicon.source), found.end
        ending = _POSSESSIVE.match(text, end)
        if ending:
            phonemes, end = phonemes + _ending(phonemes), ending.end()
        words.append(_Word(found.start, end, phonemes))
    return words


def _ending(phonemes: str) -> str:
    """Return the sound of a possessive: as in Jack's, John's or James's."""
    if phonemes[-1] in _HISSING:
        return "ɪz"
    return "s" if phonemes[-1] in _VOICELESS else "z"


def _with_stand_ins(text: str, words: Sequence[_Word]) -> str:
    parts = []
    end = 0
    for word in words:
        parts += [text[end : word.start], _STAND_INS[word.begins_with_vowel]]
        end = word.end
    return "".join([*parts, text[end:]])


def _filled(spoken: str, words: Sequence[_Word], sounds: Sequence[str]) -> str | None:
    """Return `spoken` with the words in place of their stand-ins; None if these are not all there, in order."""
    if not words:
        return spoken
    pattern = re.compile("|".join(map(re.escape, sounds)))
    if pattern.findall(spoken) != [sounds[word.begins_with_vowel] for word in words]:
        return None
    phonemes = iter([word.phonemes for word in words])
    return pattern.sub(lambda _: next(phonemes), spoken)


def _between(text: str, words: Sequence[_Word], speak: Speak) -> str:
    """Return the words with what `speak` says for the texts before, between and after them."""
    edges = [(0, 0), *((word.start, word.end) for word in words), (len(text), len(text))]
    gaps = [text[before[1] : after[0]] for before, after in pairwise(edges)]
    parts = []
    for gap, spoken, phonemes in zip(gaps, speak(gaps), [*(word.phonemes for word in words), ""], strict=True):
        parts += [" " * gap[:1].isspace(), spoken.strip(), " " * (gap.strip() != "" and gap[-1:].isspace()), phonemes]
    return "".join(parts).strip()
