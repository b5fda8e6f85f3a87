"""Detect the language of a text by its script or, for Latin letters, by its function words.

Used only to warn before a voice reads a language that it cannot; when in doubt there is no warning.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

_SCRIPTS = (
    ("Japanese", "\u3040-\u30ff"),
    ("Korean", "\u1100-\u11ff\uac00-\ud7af"),
    ("Chinese", "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002ffff"),
    ("Russian", "\u0400-\u052f"),
    ("Greek", "\u0370-\u03ff\u1f00-\u1fff"),
    ("Hebrew", "\u0590-\u05ff"),
    ("Arabic", "\u0600-\u06ff\u0750-\u077f"),
    ("Hindi", "\u0900-\u097f"),
    ("Bengali", "\u0980-\u09ff"),
    ("Tamil", "\u0b80-\u0bff"),
    ("Telugu", "\u0c00-\u0c7f"),
    ("Thai", "\u0e00-\u0e7f"),
    ("Georgian", "\u10a0-\u10ff"),
    ("Armenian", "\u0530-\u058f"),
)
_FIRST_OF_SCRIPTS = "\u0370"
"""No script above has a letter before this one."""
_UKRAINIAN = re.compile("[іїєґІЇЄҐ]")
_WORDS = {
    "English": "the of and to in is was that it he she his her for with as had you not be at on by but from they "
    "this have are were said we all there which their will would who what one an or so if out up do did "
    "my me him no when i a",
    "German": "der die das und ist nicht ein eine zu den dem mit von auf für im sich des dass als auch es an er sie "
    "wir ich wie aber aus bei nach war hatte sind wird haben oder wenn noch nur über",
    "French": "le la les et est un une des du de que qui dans pour pas au ce il elle en ne se sur avec sont par "
    "plus je nous vous mais comme ou leur était son sa ses cette d'un c'est",
    "Spanish": "el la los las y es un una de que en no se por con para su al del lo como más pero sus le ya o fue "
    "este ha sí porque esta entre cuando muy sin sobre también me hay donde está",
    "Italian": "il lo la gli le e è un una di che in non si per con del della sono da al come ma più anche ha suo "
    "sua nel alla dei questo era io mi ci se quando perché",
    "Portuguese": "o a os as e é um uma de que em não se por com para do da no na dos das mas como mais ao foi ele ela "
    "seu sua ou são já está eu também quando muito",
    "Dutch": "de het een en van is niet in op te dat die met voor zijn aan er maar om ook als bij door naar was "
    "hij ze je ik wordt nog uit over had heeft geen",
    "Swedish": "och att det som en på är av för med den till inte har jag ett om han hon var men sig från vi så kan "
    "när",
    "Danish": "og at det som en på er af for med den til ikke har jeg et om han hun var men sig fra vi så kan når",
    "Polish": "i w na z nie się że do to jest jak po o co ale za od tak był przez dla są jego czy już ma tylko",
    "Turkish": "ve bir bu da de için çok ile o ne gibi daha ama var kadar sonra ben değil mi olarak en",
    "Czech": "a se na je že to v s do z jako ale by jsem si za po tak pro byl jeho jsou také",
}  # fmt: skip
_SMALL_WORDS = {name: frozenset(words.split()) for name, words in _WORDS.items()}
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_SHARE = 0.3
"""The share of all letters that makes a script the script of the text."""
_LONGEST = 4000
"""Number of characters examined, spread over the text."""

_LANGUAGES_OF_VOICES = {
    "a": "English", "b": "English", "e": "Spanish", "f": "French", "h": "Hindi", "i": "Italian", "j": "Japanese",
    "p": "Portuguese", "z": "Chinese",
}  # fmt: skip
_VOICES = {
    "English": "af_bella", "Spanish": "ef_dora", "French": "ff_siwis", "Hindi": "hf_alpha", "Italian": "if_sara",
    "Japanese": "jf_alpha", "Portuguese": "pf_dora", "Chinese": "zf_xiaobei",
}  # fmt: skip


@dataclass(frozen=True)
class Mismatch:
    """A text in a language that the voice cannot read."""

    language: str
    """English name of the text's language."""
    voice: str
    suggestion: str | None
    """A voice that reads it; None if Kokoro has none."""

    def __str__(self) -> str:
        """Return the warning, with advice."""
        advice = (
            f"use a voice of that language, such as --voice {self.suggestion} of Kokoro v1.0"
            if self.suggestion
            else "no voice of Kokoro does; the engines xtts and chatterbox speak more languages"
        )
        return f"The text is {self.language}, which the voice '{self.voice}' cannot read: {advice}."


def language_in(text: str) -> str | None:
    """Return the English name of the language of `text`; None if it is unclear."""
    sample = text if len(text) <= _LONGEST else _spread(text)
    words = [word.lower().replace("’", "'") for word in _WORD.findall(sample)]
    letters = sum(map(len, words))
    if not letters:
        return None
    return _by_script(sample, letters) or _by_small_words(words)


def mismatch(text: str, voice: str) -> Mismatch | None:
    """Return why `voice` cannot read `text`; None if it can, or if the language is unclear."""
    language = language_in(text)
    if language is None or language == _LANGUAGES_OF_VOICES.get(voice[:1], "English"):
        return None
    return Mismatch(language, voice, _VOICES.get(language))


def first_mismatch(lines: Iterable[tuple[str, str]]) -> Mismatch | None:
    """Return the first mismatch among `lines`, each a text and the voice that reads it."""
    return next((found for text, voice in lines if (found := mismatch(text, voice))), None)


def _spread(text: str) -> str:
    part = _LONGEST // 4
    return " ".join(text[start : start + part] for start in range(0, len(text), max(part, len(text) // 4)))


def _by_script(sample: str, letters: int) -> str | None:
    if max(sample) < _FIRST_OF_SCRIPTS:
        return None
    for name, script in _SCRIPTS:
        found = len(re.findall(f"[{script}]", sample))
        if found >= 2 and found >= _SHARE * letters:
            return "Ukrainian" if name == "Russian" and _UKRAINIAN.search(sample) else name
    return None


def _by_small_words(words: list[str]) -> str | None:
    if len(words) < 3:
        return None
    counts = Counter({name: sum(map(small.__contains__, words)) for name, small in _SMALL_WORDS.items()})
    (name, best), (_, second) = counts.most_common(2)
    plain = best >= 2 and best >= 0.2 * len(words) and best > second
    if name == "English":
        return name if plain else None
    return name if plain and best >= 2 * counts["English"] + 1 else None
