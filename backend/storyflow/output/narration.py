"""Print the results of `say` and `narrate`."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from core_engine.reading.languages import Mismatch, first_mismatch
from storyflow.output.tables import clock, echo_json, echo_table, times_real_time

if TYPE_CHECKING:
    from storyflow.cluster.stations import NodeReport
    from storyflow.narration.narration import Outcome
    from storyflow.narration.rehearsal import Rehearsed
    from storyflow.narration.speaking import SavedSpeech


def report_narration(
    outcome: "Outcome", left_out: Mapping[str, int], model: str, captions: Iterable[Path] = ()
) -> None:
    """Print what a narration made, where it is, how long it is and how fast it was made."""
    for segment_id, reason in outcome.errors.items():
        click.echo(f"Segment {segment_id} could not be spoken: {reason}", err=True)
    if outcome.skipped:
        click.echo(f"Skipped: nothing to speak in {len(outcome.skipped)} segments")
    if left_out:
        click.echo(f"Not read: {', '.join(f'{what} ({count})' for what, count in left_out.items())}")
    kept = len(outcome.entries) - len(outcome.made)
    click.echo(f"{len(outcome.entries)} WAVs in {outcome.manifest.parent / 'audio'}")
    click.echo(f"{clock(outcome.audio_s)} of audio ({len(outcome.made)} made now, {kept} already there)")
    if outcome.real_time_factor:
        speed = times_real_time(1 / outcome.real_time_factor)
        click.echo(f"Made in {outcome.elapsed_s:.1f} s, {speed} ({model})")
    else:
        click.echo("Nothing has changed since the last run.")
    click.echo(f"Playlist: {outcome.manifest.parent / 'playlist.m3u8'}")
    for path in captions:
        click.echo(f"Captions: {path}")


def report_speech(output: Path, voice: str, saved: "SavedSpeech", mismatch: Mismatch | None, as_json: bool) -> None:
    """Print where the speech was saved and how long it is; `voice` is the voice that was used."""
    if not as_json:
        click.echo(f"{output}: {saved.duration:.2f} s")
        return
    document = {"success": True, "audio_path": str(output), "duration": saved.duration, "voice": voice}
    echo_json({**document, **_warnings(mismatch)})


def report_rehearsal(segments: Iterable["Rehearsed"], mismatch: Mismatch | None, as_json: bool) -> None:
    """Print the words that would be spoken, or their phonemes, one segment per line."""
    if as_json:
        echo_json({"success": True, "segments": [asdict(segment) for segment in segments], **_warnings(mismatch)})
        return
    for segment in segments:
        click.echo(segment.words if segment.phonemes is None else segment.phonemes)


def warn_of_language(lines: Iterable[tuple[str, str]], as_json: bool) -> Mismatch | None:
    """Warn once if the voice cannot read the language of a text; return the mismatch for the JSON output."""
    found = first_mismatch(lines)
    if found and not as_json:
        click.echo(f"Warning: {found}", err=True)
    return found


def echo_narrations(documents: list[dict[str, Any]], nodes: Iterable["NodeReport"] = ()) -> None:
    """Print the results of one or several stories as JSON, with those of the nodes of a cluster."""
    whole = documents[0]
    if len(documents) > 1:
        whole = {"success": all(document["success"] for document in documents), "stories": documents}
    by_node = [asdict(node) for node in nodes]
    echo_json({**whole, "nodes": by_node} if by_node else whole)


def report_nodes(nodes: Iterable["NodeReport"]) -> None:
    """Print how much each node of a cluster made, and how fast a speaker on it is."""
    rows = [
        (node.node, str(node.speakers), str(node.segments), clock(node.audio), _pace(node), _state(node))
        for node in nodes
    ]
    if rows:
        echo_table(("node", "speakers", "segments", "audio", "a speaker's pace", ""), rows)


def _pace(node: "NodeReport") -> str:
    return times_real_time(node.times_real_time) if node.times_real_time else "-"


def _state(node: "NodeReport") -> str:
    if node.refused:
        return "did not take part"
    return "" if node.is_alive else "left"


def narration_document(
    story: Path,
    outcome: "Outcome",
    left_out: Mapping[str, int],
    model: str,
    mismatch: Mismatch | None,
    captions: Iterable[Path] = (),
) -> dict[str, Any]:
    """Return the result of one story as a JSON document."""
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
        "captions": [str(path) for path in captions],
        **_warnings(mismatch),
    }


def _warnings(mismatch: Mismatch | None) -> dict[str, Any]:
    if mismatch is None:
        return {"warnings": []}
    return {"warnings": [{"kind": "language", **asdict(mismatch), "message": str(mismatch)}]}
