"""Shared output helpers: tables and sizes for people, JSON for programs."""

import json
from collections.abc import Iterator, Sequence

import click


def echo_json(document: object) -> None:
    """Print a document as JSON."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=1))


def echo_table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table with columns as wide as their content."""
    for line in table_lines(heads, rows):
        click.echo(line)


def table_lines(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table with columns as wide as their content."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in (heads, ["-" * width for width in widths], *rows):
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def times_real_time(speed: float) -> str:
    """Return how many times faster than its audio something was made."""
    return f"{speed:.0f} times real time" if speed >= 10 else f"{speed:.1f} times real time"


def size_text(size: float | None) -> str:
    """Return a number of bytes in kB or MB."""
    return "-" if size is None else f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"
