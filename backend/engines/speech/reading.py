"""Put written forms of English into words before a model gets the text, with the same stage as Kokoro."""

from core_engine.reading.aloud import read_aloud


def as_spoken(text: str, language: str) -> str:
    """Return an English `text` with numbers, dates and other written forms in words; other languages unchanged."""
    return read_aloud(text, "en-gb" if language.lower() == "en-gb" else language).printed
