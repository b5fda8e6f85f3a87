"""The log of the command line: how much of it is shown, by `-v`, `-vv` or STORYFLOW_LOG, on stderr.

Without either, warnings alone are shown, as bare sentences.
"""

import logging
import os

import click

SETTING = "STORYFLOW_LOG"
LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_OURS = ("core_engine", "engines", "storyflow")
_VERBOSITY = "storyflow.verbosity"


class _ToStderr(logging.Handler):
    """Writes to what stderr is now: a bar on a terminal takes its place for a while."""

    def emit(self, record: logging.LogRecord) -> None:
        click.echo(self.format(record), err=True)


def offer_verbosity(command: click.Command) -> None:
    """Give a command and all below it the option `-v`; each is counted, wherever on the line it stands."""
    option = click.Option(
        ["-v", "--verbose"],
        count=True,
        expose_value=False,
        callback=_set_up,
        help="Log what is done on stderr; -vv shows the traces of errors too.",
    )
    command.params.append(option)
    for each in command.commands.values() if isinstance(command, click.Group) else ():
        offer_verbosity(each)


def level_asked_for() -> str | None:
    """Return the level that is shown, e.g. "DEBUG"; None where nobody asked for one."""
    level = logging.getLogger("storyflow").level
    return logging.getLevelName(level) if level else None


def _set_up(context: click.Context, _option: click.Parameter, count: int) -> None:
    """Show the log as all `-v` up to here, or else STORYFLOW_LOG, ask; raises click's usage error for its value."""
    verbosity = context.meta[_VERBOSITY] = context.meta.get(_VERBOSITY, 0) + count
    level = logging.DEBUG if verbosity > 1 else logging.INFO if verbosity else _level_of_environment()
    if level is None:
        return
    handler = _ToStderr()
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    # What other packages say about themselves is of no use to anybody here, warnings excepted.
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
