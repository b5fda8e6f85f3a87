"""Fuzz the text side: random text must give chunks or one of our own errors, and never kill the process.

To run for longer: `python -m core_engine.tests.test_any_text SECONDS` in the backend folder.
"""

import logging
import random
import sys
import time

from django.test import SimpleTestCase

from core_engine.kokoro.errors import KokoroError
from core_engine.kokoro.text.chunks import text_to_chunks
from core_engine.kokoro.text.phonemes import phonemize
from core_engine.reading.parts import split_text_into_chunks

WORDS = ["the", "Dr.", "$5.5 million", "7:05", "'s", "U.S.", "1987", ". ", ", ", "\n", "“", "’", "e\u0301", "\u200d"]
WORDS += ["\0", "\ud800"]
PLANES = [(0x20, 0x7F), (0, 0x3000), (0x3000, 0x10000), (0x1F000, 0x1FB00), (0, 0x110000)]


def any_text(rng: random.Random) -> str:
    """Return a text of up to some thousand characters: a random mixture, or a short mixture repeated."""
    alphabet = [chr(rng.randrange(*rng.choice(PLANES))) for _ in range(rng.randint(1, 40))] + rng.sample(WORDS, 4)
    mixture = "".join(rng.choice(alphabet) for _ in range(rng.choice((3, 20, 80, 800))))
    return mixture * rng.choice((1, 1, 1, 40)) if len(mixture) < 100 else mixture


def check(text: str, language: str, limit: int) -> None:
    """Raise AssertionError if part of `text` is lost or a chunk is too long."""
    for part in split_text_into_chunks(text, limit):
        assert 1 <= len(part) <= limit
    try:
        chunks = text_to_chunks(text, language, limit)
    except KokoroError:
        return
    assert all(1 <= len(chunk.token_ids) <= limit for chunk in chunks)
    assert "".join(" " * chunk.follows_space + chunk.phonemes for chunk in chunks) == phonemize(text, language)


class AnyTextTests(SimpleTestCase):
    def setUp(self) -> None:
        logging.disable(logging.WARNING)
        self.addCleanup(logging.disable, logging.NOTSET)

    def test_any_text_becomes_chunks_or_our_own_error(self) -> None:
        for seed in range(150):
            rng = random.Random(seed)
            with self.subTest(seed=seed):
                check(any_text(rng), rng.choice(("en-us", "en-gb")), rng.choice((1, 50, 510)))


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    seed, end = 1000, time.monotonic() + float(sys.argv[1])
    while time.monotonic() < end:
        seed += 1
        rng = random.Random(seed)
        check(any_text(rng), rng.choice(("en-us", "en-gb")), rng.choice((1, 50, 510)))
    print(f"{seed - 1000} texts held")
