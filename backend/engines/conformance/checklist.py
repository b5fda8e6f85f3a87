"""A check, a list of checks, and what comes of running them."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

logger = logging.getLogger(__name__)

Target = TypeVar("Target")
Outcome = Literal["passed", "failed", "not applicable", "unchecked"]


class ViolationError(Exception):
    """What was checked is not as it must be; the message says what was found."""


class NotApplicableError(Exception):
    """The engine has nothing that could be checked; the message says why."""


class UncheckedError(Exception):
    """What could be checked needs something that is not at hand; the message says what."""


@dataclass(frozen=True)
class Result:
    """What came of one check."""

    check: str
    outcome: Outcome
    found: str  # empty when passed
    remedy: str  # what to mend, empty unless failed


@dataclass(frozen=True)
class Check(Generic[Target]):
    """One line of the checklist."""

    name: str
    remedy: str
    run: Callable[[Target], None]


class Checklist(Generic[Target]):
    """Checks of one kind of target, in the order in which they are written."""

    def __init__(self) -> None:
        self.checks: list[Check[Target]] = []

    def add(self, name: str, remedy: str) -> Callable[[Callable[[Target], None]], Callable[[Target], None]]:
        """Make a function a check: it returns when all is well, and raises one of the errors above."""

        def register(run: Callable[[Target], None]) -> Callable[[Target], None]:
            self.checks.append(Check(name, remedy, run))
            return run

        return register

    def run(self, target: Target) -> Iterator[Result]:
        """Yield the result of each check as soon as it is there."""
        for check in self.checks:
            yield _result(check, target)


def require(condition: object, found: str) -> None:
    """Raise ViolationError, which says what was found, unless `condition` holds."""
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
