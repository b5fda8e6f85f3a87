"""What is printed of what was spoken, or would be."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core_engine.reading.languages import Mismatch, first_mismatch
from storyflow.output.tables import echo_json

if TYPE_CHECKING:
    from storyflow.narration.narration import Outcome
    from storyflow.narration.rehearsal import Rehearsed
    from storyflow.narration.speaking import SavedSpeech


def report_narration(outcome: "Outcome", left_out: Mapping[str, int], model: str) -> None:
    """Say what a narration made, where it is, how long it lasts and how fast it went."""
    for segment_id, reason in outcome.errors.items():
        click.echo(f"Segment {segment_id} could not be spoken: {reason}", err=True)
    if outcome.skipped:
        click.echo(f"Skipped: nothing to speak in {len(outcome.skipped)} segments")
    if left_out:
        click.echo(f"Not read: {', '.join(f'{what} ({count})' for what, count in left_out.items())}")
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


def report_speech(output: Path, voice: str, saved: "SavedSpeech", mismatch: Mismatch | None, as_json: bool) -> None:
    """Say where one spoken text is and how long it lasts; `voice` is the one that really spoke."""
    if not as_json:
        click.echo(f"{output}: {saved.duration:.2f} s")
        return
    document = {"success": True, "audio_path": str(output), "duration": saved.duration, "voice": voice}
    echo_json({**document, **_warnings(mismatch)})


def report_rehearsal(segments: Iterable["Rehearsed"], mismatch: Mismatch | None, as_json: bool) -> None:
    """Print the words that would be spoken, or their phonemes, one segment a line."""
    if as_json:
        echo_json({"success": True, "segments": [asdict(segment) for segment in segments], **_warnings(mismatch)})
        return
    for segment in segments:
        click.echo(segment.words if segment.phonemes is None else segment.phonemes)


def warn_of_language(texts: list[str], voice: str, as_json: bool) -> Mismatch | None:
    """Say once that the voice cannot read the language of a text, and return it for the outcome as JSON."""
    found = first_mismatch(texts, voice)
    if found and not as_json:
        click.echo(f"Warning: {found}", err=True)
    return found


def echo_narrations(documents: list[dict[str, Any]]) -> None:
    """Print what became of one story, or of several, as JSON."""
    if len(documents) == 1:
        echo_json(documents[0])
        return
    echo_json({"success": all(document["success"] for document in documents), "stories": documents})


def narration_document(
    story: Path, outcome: "Outcome", left_out: Mapping[str, int], model: str, mismatch: Mismatch | None
) -> dict[str, Any]:
    """Return what became of one story, for programs."""
    return {
        "success": not outcome.errors,
        "story": str(story),
        "model": model,
        "manifest": str(outcome.manifest),
        "segments": [asdict(entry) for entry in outcome.entries],
        "made": [entry.id for entry in outcome.made],
        "skipped": list(outcome.skipped),
        "errors": outcome.errors,
        "duration": outcome.audio_s,
        "elapsed": outcome.elapsed_s,
        "real_time_factor": outcome.real_time_factor,
        "left_out": dict(left_out),
        **_warnings(mismatch),
    }


def _warnings(mismatch: Mismatch | None) -> dict[str, Any]:
    if mismatch is None:
        return {"warnings": []}
    return {"warnings": [{"kind": "language", **asdict(mismatch), "message": str(mismatch)}]}


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes:.0f} min {rest:.0f} s" if minutes else f"{rest:.1f} s"
