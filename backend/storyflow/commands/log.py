"""Show the log on stderr, as much as `-v`, `-vv` or STORYFLOW_LOG ask for.

Without them only warnings are shown, as plain sentences.
"""

import logging
import os

import click

SETTING = "STORYFLOW_LOG"
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_OURS = ("core_engine", "engines", "storyflow")
_VERBOSITY = "storyflow.verbosity"


class _ToStderr(logging.Handler):
    """Writes to the current `sys.stderr`, which a progress bar may replace for a while."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(self.format(record), err=True)


def offer_verbosity(command: click.Command) -> None:
    """Add the option `-v` to a command and all its subcommands; all are counted, wherever they are on the line."""
    option = click.Option(
        ["-v", "--verbose"],
        count=True,
        expose_value=False,
        callback=_set_up,
        help="Show the log on stderr; -vv adds tracebacks.",
    )
    command.params.append(option)
    for each in command.commands.values() if isinstance(command, click.Group) else ():
        offer_verbosity(each)


def level_asked_for() -> str | None:
    """Return the requested level, e.g. "DEBUG"; None if none was requested."""
    level = logging.getLogger("storyflow").level
    return logging.getLevelName(level) if level else None


def _set_up(context: click.Context, _option: click.Parameter, count: int) -> None:
    """Show the log at the level of `-v`, else of STORYFLOW_LOG; raise click's usage error if its value is wrong."""
    verbosity = context.meta[_VERBOSITY] = context.meta.get(_VERBOSITY, 0) + count
    level = logging.DEBUG if verbosity > 1 else logging.INFO if verbosity else _level_of_environment()
    if level is None:
        return
    handler = _ToStderr()
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    # Of other packages' logs only warnings are useful here.
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler], force=True)
    for name in _OURS:
        logging.getLogger(name).setLevel(level)


def _level_of_environment() -> int | None:
    wanted = os.environ.get(SETTING, "").strip().lower()
    if not wanted:
        return None
    if wanted not in LEVELS:
        raise click.UsageError(f"{SETTING} is '{os.environ[SETTING]}'. Set it to one of {', '.join(LEVELS)}.")
    return LEVELS[wanted]
