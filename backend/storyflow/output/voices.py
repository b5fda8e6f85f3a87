"""Print the list of voices."""

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

import click

from core_engine.kokoro.languages import LANGUAGES, Language, language_of
from core_engine.kokoro.voice.voices import VOICES, Voice, voice_named
from storyflow.output.tables import echo_json, table_lines


def report_voices(installed: dict[str, Collection[str]], as_json: bool) -> None:
    """List the seven voices and all other installed ones, by language, with the models that have them.

    `installed` maps model names to the names of their voices.
    """
    others = sorted({voice for voices in installed.values() for voice in voices} - {voice.id for voice in VOICES})
    voices = (*VOICES, *map(voice_named, others))
    spoken = {language: [voice for voice in voices if language_of(voice.id) == language] for language in LANGUAGES}
    rows = {language: [_row(voice, installed) for voice in spoken[language]] for language in LANGUAGES}
    if as_json:
        echo_json([row for group in rows.values() for row in group])
        return
    click.echo("\n\n".join(_table(language, group) for language, group in rows.items() if group))


def _row(voice: Voice, installed: dict[str, Collection[str]]) -> dict[str, Any]:
    models = [model for model, voices in installed.items() if voice.id in voices]
    return {**asdict(voice), "language": language_of(voice.id).code, "installed": models}


def _table(language: Language, rows: list[dict[str, Any]]) -> str:
    cells = [[row["id"], row["gender"], row["description"] or "-", ", ".join(row["installed"]) or "-"] for row in rows]
    heads = ("Voice", "Gender", "Description", "Installed in")
    return "\n".join([f"{language.name} ({language.code})", *table_lines(heads, cells)])
