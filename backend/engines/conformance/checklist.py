"""Checks, lists of checks, and their results."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

logger = logging.getLogger(__name__)

Target = TypeVar("Target")
Outcome = Literal["passed", "failed", "not applicable", "unchecked"]


class ViolationError(Exception):
    """The check failed; the message says what was found."""


class NotApplicableError(Exception):
    """The check does not apply to the engine; the message says why."""


class UncheckedError(Exception):
    """The check needs something that is missing; the message says what."""


@dataclass(frozen=True)
class Result:
    """The result of one check."""

    check: str
    outcome: Outcome
    found: str  # empty when passed
    remedy: str  # what to change, empty unless failed


@dataclass(frozen=True)
class Check(Generic[Target]):
    """An item of the checklist."""

    name: str
    remedy: str
    run: Callable[[Target], None]


class Checklist(Generic[Target]):
    """The checks of one kind of target, in order of definition."""

    def __init__(self) -> None:
        self.checks: list[Check[Target]] = []

    def add(self, name: str, remedy: str) -> Callable[[Callable[[Target], None]], Callable[[Target], None]]:
        """Register a function as a check: it returns if all is well, and raises one of the errors above otherwise."""

        def register(run: Callable[[Target], None]) -> Callable[[Target], None]:
            self.checks.append(Check(name, remedy, run))
            return run

        return register

    def run(self, target: Target) -> Iterator[Result]:
        """Run the checks and yield each result immediately."""
        for check in self.checks:
            yield _result(check, target)


def require(condition: object, found: str) -> None:
    """Raise ViolationError with what was found unless `condition` is true."""
    if not condition:
        raise ViolationError(found)


def _result(check: Check[Target], target: Target) -> Result:
    try:
        check.run(target)
    except NotApplicableError as reason:
        return Result(check.name, "not applicable", str(reason), "")
    except UncheckedError as reason:
        return Result(check.name, "unchecked", str(reason), "")
    except Exception as error:  # a server that breaks the connection is a violation too
        logger.debug("The check '%s' failed.", check.name, exc_info=True)
        found = str(error) if isinstance(error, ViolationError) else f"{type(error).__name__}: {error}"
        return Result(check.name, "failed", found, check.remedy)
    return Result(check.name, "passed", "", "")
