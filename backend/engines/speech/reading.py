"""English texts as a reader says them, before a model gets them: the same stage as in front of Kokoro."""

from core_engine.reading.aloud import read_aloud


def as_spoken(text: str, language: str) -> str:
    """Return an English `text` with its numbers, dates and other written forms in words; any other as it is."""
    return read_aloud(text, "en-gb" if language.lower() == "en-gb" else language).printed
