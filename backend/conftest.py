"""A run of all tests fails when a test that docs/specification.md names did not run."""

import gc
import os
import secrets
import signal
from collections.abc import Generator

import pytest

from core_engine.kokoro.model.cores import allowed_cores
from storyflow.tests import specified

_NARROWING = ("keyword", "deselect", "ignore", "ignore_glob", "lf", "stepwise", "collectonly")
_APART = frozenset(["slow", "engines", "container", "install", "listening"])


# Read by Ray when it is imported: clusters of tests report to nobody, and nobody else gets in.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_AUTH_MODE"] = "token"
os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))


class SpecifiedTests:
    """Remembers which tests ran, in this process or in its workers, and compares them with the page at the end."""

    def __init__(self, config: pytest.Config) -> None:
        """Watch a run; it has to run everything only where neither a path nor a name narrows it."""
        self._ran: set[str] = set()
        self._missing: list[str] = []
        everywhere = config.args_source is pytest.Config.ArgsSource.TESTPATHS
        narrowed = any(config.getoption(name, None) for name in _NARROWING)
        # Windows has neither the shell of the entrypoint nor, without a privilege, symbolic links.
        self._may_be_whole = everywhere and not narrowed and os.name != "nt"
        self._is_ordinary = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember a test whose body was run, and whether it is of those that a run of all tests has."""
        # A worker sends reports, not items; the keywords of a report are its marks and the names of its folders.
        self._is_ordinary = self._is_ordinary or _APART.isdisjoint(report.keywords)
        if report.when == "call" and not report.skipped:
            node, _, _ = report.nodeid.removeprefix("backend/").partition("@")  # behind it, the worker's group
            self._ran.add(node)

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Fail the run when a named test is missing from it."""
        ended = exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) and not session.shouldfail
        if self._may_be_whole and self._is_ordinary and ended:
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


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Make what a test printed and logged fit to be sent by a worker: no lone surrogates, which UTF-8 cannot carry."""
    report = yield
    report.sections = [
        (name, text.encode("utf-8", "backslashreplace").decode("utf-8")) for name, text in report.sections
    ]
    return report


@pytest.hookimpl(optionalhook=True)  # pytest also runs without xdist
def pytest_xdist_auto_num_workers() -> int:
    """Three workers on two cores with `-n auto`: tests also wait, for processes, connections and deadlines."""
    return max(1, allowed_cores() * 3 // 2)


def pytest_collection_finish() -> None:
    """Keep the garbage collector from looking through the imported modules again at each of an engine's unloads."""
    gc.collect()
    gc.freeze()


def pytest_configure(config: pytest.Config) -> None:
    """Watch this run, where its reports arrive, and let Ctrl-C reach what tests start."""
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # as a shell leaves it that runs the tests in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(SpecifiedTests(config), "specified-tests")
