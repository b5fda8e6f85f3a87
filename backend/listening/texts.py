"""Texts for listening tests, with only one possible spelling: no numerals, no names, no spelling variants."""

from dataclasses import dataclass
from pathlib import Path

HARVARD = (
    "The birch canoe slid on the smooth planks.",
    "Glue the sheet to the dark blue background.",
    "It's easy to tell the depth of a well.",
    "These days a chicken leg is a rare dish.",
    "Rice is often served in round bowls.",
    "The juice of lemons makes fine punch.",
    "The boy was there when the sun rose.",
    "Kick the ball straight and follow through.",
    "Help the woman get back to her feet.",
    "A pot of tea helps to pass the evening.",
)
"""From the Harvard lists 1 and 2 (IEEE 1969): sentences without numbers or word ends that the next word swallows."""

FEW = " ".join(HARVARD[1:5])
"""Four of these sentences, for tests that speak them many times."""

FABLES = Path(__file__).with_name("fables.txt")
"""A chapter of 1,500 words: fables of Aesop, retold for this purpose."""


@dataclass(frozen=True)
class Passage:
    """A short paragraph in another language."""

    language: str
    """Whisper's code."""
    voice: str
    text: str


PASSAGES = (
    Passage(
        "es",
        "ef_dora",
        "La casa está cerca del río. Por la mañana los niños caminan hasta la escuela, y por la tarde juegan en el "
        "jardín. Antes de dormir, su abuela les cuenta una historia.",
    ),
    Passage(
        "fr",
        "ff_siwis",
        "La maison se trouve près de la rivière. Le matin, les enfants vont à l'école, et le soir, dans le jardin, "
        "leur mère raconte une histoire.",
    ),
    Passage(
        "it",
        "if_sara",
        "La casa si trova vicino al fiume. La mattina i bambini vanno a scuola, e la sera, prima di dormire, la nonna "
        "racconta una storia.",
    ),
    Passage(
        "pt",
        "pf_dora",
        "A casa fica perto do rio. De manhã as crianças vão para a escola, e de noite, antes de dormir, a mãe conta "
        "uma história.",
    ),
    Passage("hi", "hf_alpha", "मेरा घर नदी के पास है। सुबह बच्चे स्कूल जाते हैं, और रात को माँ एक कहानी सुनाती है।"),
)


def paragraphs(number: int) -> list[str]:
    """Return the first paragraphs of the chapter, of some 62 words each; prose is intelligible at double speed."""
    return FABLES.read_text(encoding="utf-8").split("\n\n")[:number]
