"""Print the results of the model commands: sentences and tables for people, JSON for programs."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from storyflow.models.info import ModelDescription
from storyflow.models.library import InstalledModel
from storyflow.models.registry import KnownModel, Registry
from storyflow.output.tables import echo_json, echo_table, size_text


def report_list(registry: Registry, installed: Mapping[str, InstalledModel], as_json: bool) -> None:
    """List the known models, then the other installed ones."""
    names = [*registry.models, *sorted(set(installed) - set(registry.models))]
    rows = [_row(name, registry.models.get(name), installed.get(name)) for name in names]
    if as_json:
        echo_json(rows)
        return
    heads = ("Model", "State", "Size", "Licence", "What it is")
    echo_table(
        heads, [[row["name"], row["state"], size_text(row["size"]), row["licence"], row["title"]] for row in rows]
    )
    for row in rows:
        if row["problem"]:
            click.echo(f"{row['name']}: {row['problem']}")


def report_verified(
    results: Mapping[str, tuple[InstalledModel, str | None]], registry: Registry, models_dir: Path, as_json: bool
) -> None:
    """Print for each model whether all its bytes are as installed."""
    if as_json:
        models = {name: {"path": str(model.path), "problem": problem} for name, (model, problem) in results.items()}
        echo_json({"success": not any(problem for _, problem in results.values()), "models": models})
        return
    if not results:
        click.echo(f"No models are installed in {models_dir}.")
    for name, (model, problem) in results.items():
        if problem:
            click.echo(f"DAMAGED  {name}: {problem}")
        elif model.files:
            click.echo(f"ok       {name}: {len(model.files)} files, {size_text(model.size)}, as installed")
        else:
            click.echo(f"note     {name}: put there by hand, {_published(model, registry)}")


def report_info(info: ModelDescription, as_json: bool) -> None:
    """Print everything about one model."""
    if as_json:
        echo_json({**asdict(info), "path": str(info.path)})
        return
    facts = info.facts
    lines = {
        "Model": info.name,
        "File": f"{info.path} ({size_text(info.size)})",
        "SHA-256": info.sha256 or "unknown: it has no manifest",
        "Published": info.published or "unknown",
        "Licence": info.licence or "unknown",
        "Kokoro": info.version,
        "Inputs": ", ".join(_tensor(asdict(tensor)) for tensor in facts.inputs),
        "Outputs": ", ".join(_tensor(asdict(tensor)) for tensor in facts.outputs),
        "Opset": f"{facts.opset}, written by {facts.producer or 'unknown'}",
        "Parameters": f"{facts.parameters / 1e6:.2f} million, mostly {facts.precision}",
        "Runs on": ", ".join(info.providers),
        "Voices": ", ".join(info.voices) or "none next to it",
    }
    for head, value in lines.items():
        click.echo(f"{head + ':':<12}{value}")


def _row(name: str, known: KnownModel | None, model: InstalledModel | None) -> dict[str, Any]:
    by_hand = model is not None and not model.files
    state = "-" if model is None else "CHANGED" if model.problem else "by hand" if by_hand else "installed"
    return {
        "name": name,
        "state": state,
        "size": model.size if model else known.size if known else None,
        "licence": known.licence if known else "not known",
        "title": f"{known.title}, {known.precision}" if known else "your own model",
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
            f"is the published {match[1].path} of {match[2].where}. `storyflow models pull {match[0].name}` marks it "
            f"as installed"
        )
    return f"is not a published file: its SHA-256 is {digest}"


def _tensor(tensor: Mapping[str, Any]) -> str:
    return f"{tensor['name']} {tensor['dtype']}({', '.join(map(str, tensor['shape']))})"
