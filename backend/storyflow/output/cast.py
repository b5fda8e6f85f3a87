"""Print who speaks how much in a story."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from storyflow.output.tables import echo_json, echo_table

if TYPE_CHECKING:
    from storyflow.narration.casting import Share


def report_cast(shares: "Sequence[Share]", missing: Sequence[str], as_json: bool) -> None:
    """Print a row per speaker, and a warning for each voice that is missing."""
    if as_json:
        echo_json({"success": True, "cast": [asdict(share) for share in shares], "warnings": list(missing)})
        return
    rows = [(s.name, s.voice, str(s.segments), str(s.words), f"{s.minutes:.1f}") for s in shares]
    echo_table(("Name", "Voice", "Segments", "Words", "Minutes"), rows)
    for sentence in missing:
        click.echo(f"Warning: {sentence}", err=True)
