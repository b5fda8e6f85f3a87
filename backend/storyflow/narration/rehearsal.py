"""Show what would be spoken: the words or the phonemes of every segment, without loading a model."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from core_engine.kokoro.errors import NothingToSpeakError
from core_engine.kokoro.languages import V1_0, language_of
from core_engine.kokoro.speech.versions import checked_version, version_of_model
from core_engine.kokoro.text.chunks import text_to_chunks
from core_engine.kokoro.text.ipa import check_phonemes
from core_engine.kokoro.voice.packs import check_installed, find_voices, load_voice
from core_engine.model_choice import choose_model
from core_engine.reading.aloud import read_aloud, read_as_written
from core_engine.reading.lexicon import NO_LEXICON, Lexicon
from storyflow.narration.casting import check_cast
from storyflow.stories.pauses import cut_at_pauses
from storyflow.stories.story import Story


@dataclass(frozen=True)
class Rehearsed:
    """A segment as it would be spoken."""

    id: str | None
    """None for a text that is not from a story."""
    text: str
    """The text as written."""
    words: str
    phonemes: str | None
    """None unless requested."""


@dataclass(frozen=True)
class Rehearsal:
    """How texts would be read."""

    voice: str
    as_written: bool
    version: str | None
    """The text side of the model whose phonemes are wanted; None for words only."""
    voices: frozenset[str]
    """The voices of the model."""
    lexicon: Lexicon

    @classmethod
    def by(
        cls,
        voice: str,
        wanted: str,
        models_dir: Path,
        as_written: bool,
        phonemes: bool,
        lexicon: Lexicon = NO_LEXICON,
    ) -> "Rehearsal":
        """Return the rehearsal for the model `wanted` and `voice`, without loading the model.

        Raises ModelMissingError if the model is missing, VoicePackError if it does not have the voice, and LexiconError
        if it does not know a phoneme of the pronunciation list.
        """
        path = choose_model(wanted, models_dir).path
        voices = find_voices(path.parent)
        check_installed(voice, voices)
        if not phonemes:
            return cls(voice, as_written, None, frozenset(voices), lexicon)
        known = voice if voice in voices else next(iter(voices))
        version = checked_version(version_of_model(path, None), len(load_voice(voices[known], known)), known)
        check_phonemes(lexicon, version)
        return cls(voice, as_written, version, frozenset(voices), lexicon)

    def of_text(self, text: str) -> "Iterator[Passage]":
        """Yield the passages of `text`, line by line."""
        for line in text.splitlines():
            for part in cut_at_pauses(line):
                if part.text:
                    yield Passage(self, None, part.text)

    def of_story(self, story: Story) -> "Iterator[Passage]":
        """Yield every segment; raise VoicePackError if a voice of the cast is missing."""
        check_cast(story, self.voices)
        for segment in story.segments:
            yield Passage(self, segment.id, segment.text, segment.voice)

    @property
    def takes_time(self) -> bool:
        """Whether a text is more than copied."""
        return not self.as_written or self.version is not None


@dataclass(frozen=True)
class Passage:
    """A text to be rehearsed."""

    rehearsal: Rehearsal
    id: str | None
    text: str
    voice: str | None = None
    """None for that of the rehearsal."""

    def read(self) -> Rehearsed:
        """Return what would be spoken; raises the errors of `text_to_chunks`."""
        how, text = self.rehearsal, self.text
        language = language_of((self.voice or how.voice).lstrip(), how.version or V1_0).code
        reading = read_as_written(text, how.lexicon) if how.as_written else read_aloud(text, language, how.lexicon)
        words = reading.text if how.as_written else reading.printed
        phonemes = None if how.version is None else self._phonemes(reading.text, language, how.version)
        return Rehearsed(self.id, text, " ".join(words.split()), phonemes)

    def _phonemes(self, words: str, language: str, version: str) -> str:
        try:
            chunks = text_to_chunks(words, language, version=version, lexicon=self.rehearsal.lexicon)
        except NothingToSpeakError:
            return ""
        return "".join((" " if chunk.follows_space else "") + chunk.phonemes for chunk in chunks)
