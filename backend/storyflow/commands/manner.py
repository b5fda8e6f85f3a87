"""How to speak: the options that `say` and `narrate` share."""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from core_engine.kokoro.voice.voices import DEFAULT_VOICE_ID
from storyflow.commands.exits import exits_for_people

if TYPE_CHECKING:
    from core_engine.reading.lexicon import Lexicon
    from storyflow.narration.rehearsal import Rehearsal
    from storyflow.stories.front_matter import FrontMatter


class _Speed(click.FloatRange):
    """A float range that also refuses NaN, which passes click's comparisons."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value} is not in the range {self._describe_range()}.", param, ctx)
        return number


@dataclass(frozen=True)
class Manner:
    """How to speak: the options that say and narrate share."""

    voice: str
    speed: float
    model: str
    dry_run: bool
    phonemes: bool
    as_written: bool
    as_json: bool
    lexicon: Path | None

    def for_story(self, story: Path, front: "FrontMatter") -> "Manner":
        """Return how to speak a story: as its front matter says where the command line says nothing."""
        lexicon = self.lexicon or (story.parent / front.lexicon if front.lexicon else None)
        voice = self.voice if is_given("voice") else front.voice or self.voice
        speed = self.speed if is_given("speed") else front.speed or self.speed
        return replace(self, voice=voice, speed=speed, lexicon=lexicon)

    def pronunciations(self) -> "Lexicon":
        """Read the pronunciation list; raises LexiconError."""
        from core_engine.reading.lexicon import NO_LEXICON

        if self.lexicon is None:
            return NO_LEXICON
        from storyflow.stories.lexicon_file import read_lexicon

        return read_lexicon(self.lexicon)

    def rehearsal(self) -> "Rehearsal":
        """Return the rehearsal that `--dry-run` prints; raises as `Rehearsal.by` does, and LexiconError."""
        from core_engine.places import models_dir
        from storyflow.narration.rehearsal import Rehearsal

        lexicon = self.pronunciations()
        return Rehearsal.by(self.voice, self.model, models_dir(), self.as_written, self.phonemes, lexicon)


def is_given(option: str) -> bool:
    """Return whether an option of the running command was given, not left at its default."""
    return click.get_current_context().get_parameter_source(option) is not ParameterSource.DEFAULT


def how_to_speak(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of `Manner` to a command, which gets them as one argument."""

    @wraps(command)
    def with_manner(**values: Any) -> None:
        manner = Manner(**{field.name: values.pop(field.name) for field in fields(Manner)})
        with exits_for_people():
            if manner.phonemes and not manner.dry_run:
                raise click.UsageError("--phonemes works only with --dry-run. Give both.")
            command(manner=manner, **values)

    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print the result as JSON."),
        click.option("--as-written", is_flag=True, help="Leave numbers, dates and other written forms as they are."),
        click.option("--phonemes", is_flag=True, help="With --dry-run: print the phonemes instead of the words."),
        click.option("--dry-run", is_flag=True, help="Print what would be spoken, a segment per line; speak nothing."),
        click.option(
            "--lexicon",
            type=click.Path(path_type=Path, dir_okay=False, exists=True),
            help="Pronunciation list: lines `word = respelling` or `word = /phonemes/`.",
        ),
        click.option("--model", default="auto", show_default=True, help="auto, a name, default or an ONNX file."),
        click.option("--speed", type=_Speed(0.5, 2.0), default=1.0, show_default=True, help="1.0 is normal."),
        click.option("--voice", default=DEFAULT_VOICE_ID, show_default=True, help="See `storyflow voices`."),
    ):
        with_manner = option(with_manner)
    return with_manner
