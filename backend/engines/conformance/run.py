"""Run all checks on one engine, in the order in which a beginner fixes things."""

from collections.abc import Iterator
from pathlib import Path

from engines.conformance import contract, discovery, folder, lifecycle
from engines.conformance.checklist import Result, ViolationError
from engines.conformance.trial import Trial, trial_of
from engines.contract.errors import StartError


def check_engine(path: Path) -> Iterator[Result]:
    """Run every check on the engine in the folder `path` and yield each result immediately."""
    yield from folder.checks.run(folder.EngineFolder(path.resolve()))
    yield from _on_trial(path.resolve())


def _on_trial(path: Path) -> Iterator[Result]:
    try:
        with trial_of(path) as trial:
            trial.start()
            trial.model = _at_hand(trial)
            yield Result("The server starts", "passed", "", "")
            for checks in (contract.checks, discovery.checks, lifecycle.checks):
                yield from checks.run(trial)
    except (ViolationError, StartError, OSError) as error:
        remedy = "Run `python server.py --port 8766` and fix the errors that it reports."
        yield Result("The server starts", "failed", str(error), remedy)


def _at_hand(trial: Trial) -> str | None:
    """Return the first listed model with existing files: checks download nothing."""
    listed = trial.listed()
    there = {name for path in trial.models_dir.glob("*") for name in (path.name, path.stem)}
    if trial.config.engine_type == "text":  # a language has files only where it declares a download of them
        there |= {model.name for model in trial.config.models if "download" not in model.metadata}
    return next((name for name in listed if name in there), None)


__all__ = ["Result", "Trial", "check_engine"]
