"""The log of an engine."""

import io
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest

from engines.serving.console import configure_logging


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before


def test_log_line_form() -> None:
    stream = io.StringIO()
    configure_logging("my-engine", "INFO", stream)
    logging.getLogger("engines.x").info("Loaded %s.", "it")
    logging.getLogger("engines.x").debug("never shown")
    line = r"\d\d:\d\d:\d\d\.\d{3} \| INFO \| test_console:test_log_line_form:\d+ - \[my-engine\] Loaded it\."
    assert re.fullmatch(line, stream.getvalue().rstrip())


@pytest.mark.parametrize(("stream", "coloured"), [(io.StringIO(), False), (Terminal(), True)])
def test_log_is_coloured_on_a_terminal_only(stream: Any, coloured: bool) -> None:
    configure_logging("e", "INFO", stream)
    logging.getLogger().warning("careful")
    assert ("\x1b[33m" in stream.getvalue()) is coloured


def test_log_of_a_message_with_a_newline_is_one_line() -> None:
    stream = io.StringIO()
    configure_logging("e", "INFO", stream)
    logging.getLogger().info("language %s", "en\n12:00:00.000 | INFO | forged\r\x1b[31m\u2028")
    assert stream.getvalue().count("\n") == 1
    assert "language en\\n12:00:00.000 | INFO | forged\\r\\x1b[31m\\u2028" in stream.getvalue()


def _fail(message: str) -> None:
    raise ValueError(message)


def test_log_of_a_trace_is_indented_so_that_it_forges_no_line() -> None:
    stream = io.StringIO()
    configure_logging("e", "INFO", stream)
    try:
        _fail("en\n12:00:00.000 | INFO | forged")
    except ValueError:
        logging.getLogger().exception("It failed.")
    first, *others = stream.getvalue().splitlines()
    assert "It failed." in first
    assert others[-1] == "  12:00:00.000 | INFO | forged"
    assert all(line.startswith("  ") for line in others)


def test_log_of_the_web_server_is_silent_below_warning() -> None:
    stream = io.StringIO()
    configure_logging("e", "DEBUG", stream)
    for name in ("uvicorn.access", "uvicorn.error"):
        logging.getLogger(name).info("GET /health")
    assert stream.getvalue() == ""
