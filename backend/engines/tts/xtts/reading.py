"""Prepare texts for XTTS: split them within its limits, and spell numbers that it cannot read."""

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core_engine.reading.parts import split_text_into_chunks
from engines.contract.errors import RequestError

if TYPE_CHECKING:
    from TTS.tts.layers.xtts.tokenizer import VoiceBpeTokenizer

CHARACTERS = 250  # characters, for languages without a limit in the library
_HINDI_DIGITS = ["शून्य", "एक", "दो", "तीन", "चार", "पाँच", "छह", "सात", "आठ", "नौ"]


@dataclass(frozen=True)
class Reader:
    """The text limits and language of a model."""

    tokenizer: "VoiceBpeTokenizer"
    longest: int  # tokens in one piece

    def pieces(self, text: str, language: str) -> list[str]:
        """Split `text` at sentences into pieces that the model can speak; empty if it has no words.

        The limits are the library's: characters per language, tokens of the model. `language` has no region. Raises
        RequestError for a text that cannot be read.
        """
        limit = self.tokenizer.char_limits.get(language, CHARACTERS)
        readable = [self._readable(piece, language) for piece in split_text_into_chunks(text, limit, language)]
        return [piece for whole in readable for piece in self._fitting(whole, language)]

    def halves(self, piece: str, language: str) -> list[str]:
        """Split one of `pieces` into about two that can be spoken."""
        return [half for half in cut_in_two(piece) if self._has_words(half, language)] or [piece]

    def _fitting(self, text: str, language: str) -> list[str]:
        """Split `text` by its number of tokens, which grows when numbers are written out."""
        if not self._has_words(text, language):
            return []
        if len(self.tokenizer.encode(text, language)) < self.longest:
            return [text]
        halves = cut_in_two(text)
        if len(halves) < 2:
            raise RequestError(f"{text[:20]!r} is too long to be read in '{language}'. Write it differently.")
        return [piece for half in halves for piece in self._fitting(half, language)]

    def _has_words(self, text: str, language: str) -> bool:
        return any(character.isalnum() for character in self.tokenizer.preprocess_text(text, language))

    def _readable(self, text: str, language: str) -> str:
        """Return `text`, with numbers that the library cannot read spelled digit by digit.

        num2words does not support Hindi, and has a maximum number in most languages.
        """
        failure: Exception | None = None
        for attempt in (text.lower(), spelled_digits(text.lower(), language)):
            try:
                self.tokenizer.preprocess_text(attempt, language)
            except ImportError:  # a missing package is not the text's fault
                raise
            except Exception as error:  # the libraries of 17 languages may raise anything
                failure = error
            else:
                return attempt
        raise RequestError(
            f"{text[:20]!r} cannot be read in '{language}' ({type(failure).__name__}). Write it in words."
        ) from failure


def cut_in_two(text: str) -> list[str]:
    """Split `text` at the best place into two or more pieces; a single character stays one piece."""
    return split_text_into_chunks(text, math.ceil(len(text) / 2))


def spelled_digits(text: str, language: str) -> str:
    """Return `text` with separated digits, in Hindi as words."""

    def spelled(match: re.Match[str]) -> str:
        return f" {_HINDI_DIGITS[int(match[0])] if language == 'hi' else match[0]} "

    return re.sub("[0-9]", spelled, text).strip()
