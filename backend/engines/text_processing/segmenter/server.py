"""segmenter: a text in segments that end where sentences do, by the rules that the voice itself reads with."""

import sys
from collections.abc import Iterable
from pathlib import Path

# backend/, where the engine runs from the project; in an image the packages lie beside this file.
sys.path.extend(str(folder) for folder in Path(__file__).resolve().parents[3:4])

from core_engine.reading.parts import sentences_of
from core_engine.reading.sentences import Rank
from engines.base_text_server import BaseTextServer
from engines.contract.segments import Sentence


class SegmenterServer(BaseTextServer):
    """Knows abbreviations, ordinals and quotation marks of its languages; has no model."""

    version = "1.0.0"

    def find_sentences(self, text: str, language: str) -> Iterable[Sentence]:
        """Find them by rules, in time linear to the text."""
        for part in sentences_of(text, language):
            yield Sentence(part.start, part.end, part.rank is Rank.PARAGRAPH)


if __name__ == "__main__":
    SegmenterServer.main()
