"""Texts prepared so that XTTS can read them: cut within its limits, numbers spelled where it cannot say them."""

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core_engine.reading.parts import split_text_into_chunks
from engines.contract.errors import RequestError

if TYPE_CHECKING:
    from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer

CHARACTERS = 250  # for a language of which the library names no limit
_HINDI_DIGITS = ["शून्य", "एक", "दो", "तीन", "चार", "पाँच", "छह", "सात", "आठ", "नौ"]


@dataclass(frozen=True)
class Reader:
    """How one model reads texts."""

    tokenizer: "VoiceBpeTokenizer"
    longest: int  # tokens in one piece

    def pieces(self, text: str, language: str) -> list[str]:
        """Return `text` as pieces that the model takes at once, cut at sentences; none where there is no word.

        The limits are the library's: characters for each language, tokens for the model. `language` is without its
        region. Raises RequestError for what cannot be read.
        """
        limit = self.tokenizer.char_limits.get(language, CHARACTERS)
        readable = [self._readable(piece, language) for piece in split_text_into_chunks(text, limit, language)]
        return [piece for whole in readable for piece in self._fitting(whole, language)]

    def halves(self, piece: str, language: str) -> list[str]:
        """Return one of `pieces` in about two that can be spoken on their own."""
        return [half for half in cut_in_two(piece) if self._has_words(half, language)] or [piece]

    def _fitting(self, text: str, language: str) -> list[str]:
        """Return `text` in as many pieces as its tokens ask for: numbers grow when they are read out."""
        if not self._has_words(text, language):
            return []
        if len(self.tokenizer.encode(text, language)) < self.longest:
            return [text]
        halves = cut_in_two(text)
        if len(halves) < 2:
            raise RequestError(f"{text[:20]!r} is too long to be read in '{language}'. Write it in another way.")
        return [piece for half in halves for piece in self._fitting(half, language)]

    def _has_words(self, text: str, language: str) -> bool:
        return any(character.isalnum() for character in self.tokenizer.preprocess_text(text, language))

    def _readable(self, text: str, language: str) -> str:
        """Return `text`, its numbers digit by digit where the library cannot say them.

        num2words has no Hindi at all, and ends at some length of number in most languages.
        """
        failure: Exception | None = None
        for attempt in (text.lower(), spelled_digits(text.lower(), language)):
            try:
                self.tokenizer.preprocess_text(attempt, language)
            except ImportError:  # a package is missing: not the fault of the text
                raise
            except Exception as error:  # whatever the libraries of 17 languages raise
                failure = error
            else:
                return attempt
        raise RequestError(
            f"{text[:20]!r} cannot be read in '{language}' ({type(failure).__name__}). Write it in words."
        ) from failure


def cut_in_two(text: str) -> list[str]:
    """Return `text` in two pieces or some more, cut at the best place; in one where it has but one character."""
    return split_text_into_chunks(text, math.ceil(len(text) / 2))


def spelled_digits(text: str, language: str) -> str:
    """Return `text` with every digit on its own, in Hindi as a word."""

    def spelled(match: re.Match[str]) -> str:
        return f" {_HINDI_DIGITS[int(match[0])] if language == 'hi' else match[0]} "

    return re.sub("[0-9]", spelled, text).strip()
