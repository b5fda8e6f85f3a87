"""The log of an engine: one line per event on stderr, coloured only on a terminal."""

import logging
import sys
from textwrap import indent
from typing import Any, TextIO

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_COLOURS = {"DEBUG": "\x1b[2m", "INFO": "", "WARNING": "\x1b[33m", "ERROR": "\x1b[31m", "CRITICAL": "\x1b[31m"}
_PLAIN = "\x1b[0m"
_CONTROL = {code: repr(chr(code))[1:-1] for code in (*range(32), *range(127, 160), 0x2028, 0x2029)}


class EngineFormatter(logging.Formatter):
    """`HH:MM:SS.mmm | LEVEL | module:function:line - [engine] message`."""

    def __init__(self, engine: str, coloured: bool) -> None:
        super().__init__(
            f"%(asctime)s.%(msecs)03d | %(levelname)s | %(module)s:%(funcName)s:%(lineno)d - [{engine}] %(message)s",
            datefmt="%H:%M:%S",
        )
        self._coloured = coloured

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging calls it so
        """Return the message in one line: data from a request must not look like other log lines."""
        return super().formatMessage(record).translate(_CONTROL)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - logging calls it so
        """Return the traceback, indented for the same reason."""
        return indent(super().formatException(ei), "  ", lambda _line: True)

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, coloured by level on a terminal."""
        line = super().format(record)
        colour = _COLOURS.get(record.levelname, "") if self._coloured else ""
        return f"{colour}{line}{_PLAIN}" if colour else line


def configure_logging(engine: str, level: str, stream: TextIO = sys.stderr) -> None:
    """Send the log of the whole process to `stream`; of the web server only warnings and errors."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(EngineFormatter(engine, coloured=stream.isatty()))
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for chatty in ("uvicorn", "uvicorn.error", "uvicorn.access", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
