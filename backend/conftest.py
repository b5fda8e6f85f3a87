"""A run of all tests fails when a test that docs/specification.md names did not run."""

import os

import pytest

from storyflow.tests import specified

_NARROWING = ("keyword", "deselect", "ignore", "ignore_glob", "lf", "stepwise", "collectonly")
_APART = frozenset(["slow", "engines", "container", "install", "listening"])


class SpecifiedTests:
    """Remembers which tests ran, and compares them with the page at the end."""

    def __init__(self) -> None:
        self._ran: set[str] = set()
        self._missing: list[str] = []
        self._is_whole = False

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """See whether this is a run of all tests: no path, no name, and more than those that run apart."""
        config = session.config
        narrowed = any(config.getoption(name, None) for name in _NARROWING)
        everywhere = config.args_source is pytest.Config.ArgsSource.TESTPATHS
        ordinary = any(_APART.isdisjoint(mark.name for mark in item.iter_markers()) for item in session.items)
        # Windows has neither the shell of the entrypoint nor, without a privilege, symbolic links.
        self._is_whole = everywhere and not narrowed and ordinary and os.name != "nt"

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember a test whose body was run."""
        if report.when == "call" and not report.skipped:
            self._ran.add(report.nodeid.removeprefix("backend/"))

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Fail the run when a named test is missing from it."""
        ended = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) and not session.shouldfail
        if self._is_whole and ended:
            boxes = specified.read_page(specified.PAGE.read_text(encoding="utf-8"))
            self._missing = specified.not_run(boxes, self._ran)
        if self._missing:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name what is missing."""
        if self._missing:
            terminalreporter.section("named by docs/specification.md, but did not run", red=True)
            for node in self._missing:
                terminalreporter.line(node)


def pytest_configure(config: pytest.Config) -> None:
    """Watch this run."""
    config.pluginmanager.register(SpecifiedTests(), "specified-tests")
