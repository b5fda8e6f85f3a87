"""What the commands about models print: sentences and tables for people, JSON for programs."""

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

import click

from engines.downloading.staging import Progress
from storyflow.models.info import ModelInfo
from storyflow.models.library import InstalledModel
from storyflow.models.registry import KnownModel, Registry
from storyflow.output.reports import echo_table

_LINE_EVERY_S = 5.0

Report = Callable[[Progress], None]


def report_list(registry: Registry, installed: Mapping[str, InstalledModel], as_json: bool) -> None:
    """List what is known and what is installed, the known ones first."""
    names = [*registry.models, *sorted(set(installed) - set(registry.models))]
    rows = [_row(name, registry.models.get(name), installed.get(name)) for name in names]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    heads = ("Model", "State", "Size", "Licence", "What it is")
    echo_table(heads, [[row["name"], row["state"], _size(row["size"]), row["licence"], row["title"]] for row in rows])
    for row in rows:
        if row["problem"]:
            click.echo(f"{row['name']}: {row['problem']}")


def report_verified(results: Mapping[str, tuple[InstalledModel, str | None]], registry: Registry) -> None:
    """Say of each model whether all its bytes are those that were installed."""
    for name, (model, problem) in results.items():
        if problem:
            click.echo(f"DAMAGED  {name}: {problem}")
        elif model.files:
            click.echo(f"ok       {name}: {len(model.files)} files, {_size(model.size)}, as installed")
        else:
            click.echo(f"note     {name}: put there by hand, {_published(model, registry)}")


def report_info(info: ModelInfo, as_json: bool) -> None:
    """Print everything about one model."""
    if as_json:
        document = {**asdict(info), "path": str(info.path), "facts": {**asdict(info.facts)}}
        click.echo(json.dumps(document, ensure_ascii=False, indent=1))
        return
    facts = info.facts
    lines = {
        "Model": info.name,
        "File": f"{info.path} ({_size(info.size)})",
        "SHA-256": info.sha256 or "not noted: it has no manifest",
        "Published": info.published or "not known",
        "Licence": info.licence or "not known",
        "Kokoro": info.version,
        "Inputs": ", ".join(_tensor(asdict(tensor)) for tensor in facts.inputs),
        "Outputs": ", ".join(_tensor(asdict(tensor)) for tensor in facts.outputs),
        "Opset": f"{facts.opset}, written by {facts.producer or 'unknown'}",
        "Parameters": f"{facts.parameters / 1e6:.2f} million, mostly {facts.precision}",
        "Runs on": ", ".join(info.providers),
        "Voices": ", ".join(info.voices) or "none beside it",
    }
    for head, value in lines.items():
        click.echo(f"{head + ':':<12}{value}")


@contextlib.contextmanager
def progress_shown(what: str) -> Iterator[Report]:
    """Yield what a download reports to: a bar with speed and time left on a terminal, a line now and then elsewhere."""
    if not sys.stderr.isatty():
        yield _lines(what)
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Bar(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda step: bar.update(task, description=step.file, completed=step.done, total=step.total)


def _lines(what: str) -> Report:
    first: Progress | None = None
    began = said = 0.0

    def report(step: Progress) -> None:
        nonlocal first, began, said
        now = time.monotonic()
        if first is None:
            first, began, said = step, now, now
        if now - said < _LINE_EVERY_S:
            return
        said = now
        speed = max(1.0, (step.done - first.done) / (now - began))
        left = (step.total - step.done) / speed
        click.echo(f"{what}: {_size(step.done)} of {_size(step.total)}, {_size(speed)}/s, {left:.0f} s left", err=True)

    return report


def _row(name: str, known: KnownModel | None, model: InstalledModel | None) -> dict[str, Any]:
    by_hand = model is not None and not model.files
    state = "-" if model is None else "CHANGED" if model.problem else "by hand" if by_hand else "installed"
    return {
        "name": name,
        "state": state,
        "size": model.size if model else known.size if known else None,
        "licence": known.licence if known else "not known",
        "title": f"{known.title}, {known.precision}" if known else "a model of your own",
        "voices": list(known.voices) if known else [],
        "source": known.source if known else None,
        "path": str(model.path) if model else None,
        "problem": model.problem if model else None,
    }


def _published(model: InstalledModel, registry: Registry) -> str:
    from engines.store.manifest import sha256_of

    digest = sha256_of(model.path)
    match = registry.find(digest)
    if match:
        return (
            f"and the published {match[1].path} of {match[2].where}; `storyflow models pull {match[0].name}` notes that"
        )
    return f"and no published file: its SHA-256 is {digest}"


def _tensor(tensor: Mapping[str, Any]) -> str:
    return f"{tensor['name']} {tensor['dtype']}({', '.join(map(str, tensor['shape']))})"


def _size(size: float | None) -> str:
    return "-" if size is None else f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"
