"""What the commands print when they are done: sentences and tables for people, JSON for programs."""

import json
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from core_engine.kokoro.languages import LANGUAGES, Language, language_of
from core_engine.kokoro.voice.voices import VOICES, Voice, voice_named
from core_engine.reading.languages import Mismatch, first_mismatch
from storyflow.machine.doctor import Finding
from storyflow.narration.narration import Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from core_engine.kokoro.speech.synthesis import Speech
    from storyflow.machine.bench import Measurement
    from storyflow.narration.rehearsal import Rehearsed
    from storyflow.narration.speaking import SavedSpeech


def report_narration(outcome: Outcome, model: str, as_json: bool, mismatch: Mismatch | None = None) -> None:
    """Say what a narration made, where it is, how long it lasts and how fast it went."""
    if as_json:
        document = {**_narration_document(outcome, model), **_warnings(mismatch)}
        click.echo(json.dumps(document, ensure_ascii=False, indent=1))
        return
    for segment_id, reason in outcome.errors.items():
        click.echo(f"Segment {segment_id} could not be spoken: {reason}", err=True)
    if outcome.skipped:
        click.echo(f"Passed over, with nothing to speak in them: {len(outcome.skipped)} segments")
    kept = len(outcome.entries) - len(outcome.made)
    click.echo(f"{len(outcome.entries)} WAVs in {outcome.manifest.parent / 'audio'}")
    click.echo(f"{_clock(outcome.audio_s)} of audio ({len(outcome.made)} made now, {kept} already there)")
    if outcome.real_time_factor:
        speed = 1 / outcome.real_time_factor
        shown = f"{speed:.0f}" if speed >= 10 else f"{speed:.1f}"
        click.echo(f"Made in {outcome.elapsed_s:.1f} s: {shown} times as fast as it plays ({model})")
    else:
        click.echo("Nothing had to be made again.")
    click.echo(f"In order: {outcome.manifest.parent / 'playlist.m3u8'}")


def report_speech(
    output: "Path", speech: "Speech", saved: "SavedSpeech", mismatch: Mismatch | None, as_json: bool
) -> None:
    """Say where one spoken text is and how long it lasts."""
    if not as_json:
        click.echo(f"{output}: {saved.duration:.2f} s")
        return
    document = {"success": True, "audio_path": str(output), "duration": saved.duration, "voice": speech.voice}
    click.echo(json.dumps({**document, **_warnings(mismatch)}, ensure_ascii=False, indent=1))


def report_rehearsal(segments: Iterable["Rehearsed"], mismatch: Mismatch | None, as_json: bool) -> None:
    """Print the words that would be spoken, or their phonemes, one segment a line."""
    if not as_json:
        for segment in segments:
            click.echo(segment.words if segment.phonemes is None else segment.phonemes)
        return
    document = {"success": True, "segments": [asdict(segment) for segment in segments], **_warnings(mismatch)}
    click.echo(json.dumps(document, ensure_ascii=False, indent=1))


def warn_of_language(texts: list[str], voice: str, as_json: bool) -> Mismatch | None:
    """Say once that the voice cannot read the language of a text, and return it for the outcome as JSON."""
    found = first_mismatch(texts, voice)
    if found and not as_json:
        click.echo(f"Warning: {found}", err=True)
    return found


def report_voices(installed: dict[str, Collection[str]], as_json: bool) -> None:
    """List the seven voices and every other installed one, by language, with the models that have it.

    `installed` is model name → names of its voices.
    """
    others = sorted({voice for voices in installed.values() for voice in voices} - {voice.id for voice in VOICES})
    voices = (*VOICES, *map(voice_named, others))
    spoken = {language: [voice for voice in voices if language_of(voice.id) == language] for language in LANGUAGES}
    rows = {language: [_voice_row(voice, installed) for voice in spoken[language]] for language in LANGUAGES}
    if as_json:
        click.echo(json.dumps([row for group in rows.values() for row in group], ensure_ascii=False, indent=1))
        return
    click.echo("\n\n".join(_voice_table(language, group) for language, group in rows.items() if group))


def _voice_row(voice: Voice, installed: dict[str, Collection[str]]) -> dict[str, Any]:
    models = [model for model, voices in installed.items() if voice.id in voices]
    return {**asdict(voice), "language": language_of(voice.id).code, "installed": models}


def _voice_table(language: Language, rows: list[dict[str, Any]]) -> str:
    cells = [[row["id"], row["gender"], row["description"] or "-", ", ".join(row["installed"]) or "-"] for row in rows]
    heads = ("Voice", "Gender", "Description", "Installed in")
    return "\n".join([f"{language.name} ({language.code})", *table_lines(heads, cells)])


def report_measurement(measured: "Measurement", as_json: bool) -> None:
    """Print what `bench` measured and advises."""
    timings = {"sentence": measured.sentence, "bare": measured.bare, "narration": measured.narration}
    if as_json:
        factors = {name: {"real_time_factor": timing.real_time_factor} for name, timing in timings.items()}
        document = {
            name: {**value, **factors.get(name, {})} if name in factors else value
            for name, value in asdict(measured).items()
        }
        click.echo(json.dumps(document, ensure_ascii=False, indent=1))
        return
    click.echo(f"{measured.model} on {measured.provider}, {measured.cores} cores; opened in {measured.load_s:.2f} s")
    labels = ("A sentence into a WAV", "Its bare model runs: the limit", "A narration on all cores")
    rows = [
        [label, f"{timing.audio_s:.1f} s", f"{timing.seconds:.2f} s", f"{timing.real_time_factor:.3f}"]
        for label, timing in zip(labels, timings.values(), strict=True)
    ]
    echo_table(("", "Audio", "Time", "Real-time factor"), rows)
    for advice in measured.advice or ["Nothing here would make it faster."]:
        click.echo(advice)


def report_findings(findings: list[Finding], as_json: bool) -> None:
    """Print what `doctor` found, a line each."""
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], ensure_ascii=False, indent=1))
        return
    for finding in findings:
        mark = "ok     " if finding.ok else "MISSING" if finding.needed else "note   "
        click.echo(f"{mark}  {finding.what}: {finding.detail}")


def echo_table(heads: tuple[str, ...], rows: list[list[str]]) -> None:
    """Print a table, its columns as wide as what stands in them."""
    for line in table_lines(heads, rows):
        click.echo(line)


def table_lines(heads: tuple[str, ...], rows: list[list[str]]) -> Iterator[str]:
    """Yield the lines of a table, its columns as wide as what stands in them."""
    widths = [max(len(row[column]) for row in [list(heads), *rows]) for column in range(len(heads))]
    for row in (list(heads), ["-" * width for width in widths], *rows):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _narration_document(outcome: Outcome, model: str) -> dict[str, Any]:
    return {
        "success": not outcome.errors,
        "model": model,
        "manifest": str(outcome.manifest),
        "segments": [asdict(entry) for entry in outcome.entries],
        "made": [entry.id for entry in outcome.made],
        "skipped": list(outcome.skipped),
        "errors": outcome.errors,
        "duration": outcome.audio_s,
        "elapsed": outcome.elapsed_s,
        "real_time_factor": outcome.real_time_factor,
    }


def _warnings(mismatch: Mismatch | None) -> dict[str, Any]:
    if mismatch is None:
        return {"warnings": []}
    return {"warnings": [{"kind": "language", **asdict(mismatch), "message": str(mismatch)}]}


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes:.0f} min {rest:.0f} s" if minutes else f"{rest:.1f} s"
