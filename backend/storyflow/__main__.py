"""Entry point of the command. It imports nothing at first, so that Ctrl-C works cleanly from the start."""

import atexit
import os
import sys

_INTERRUPTED = 130


def program() -> None:
    """Run the command line as all that this process does.

    At the end, what Python holds is left to the system: to free the session of a large model takes Python longer than
    the rest of the way out. What is registered with `atexit` from now on still runs; files that are still open then are
    not flushed.
    """
    codes: list[int] = []
    atexit.register(_end_with, codes)  # runs after all that is registered later
    try:
        main()
    except SystemExit as ending:
        if ending.code is None or isinstance(ending.code, int):
            codes.append(ending.code or 0)
        raise


def main() -> None:
    """Run the command line; raises SystemExit at the end."""
    try:
        from storyflow.commands.exits import interrupts_wait

        with interrupts_wait():
            import click

            from storyflow.commands.main import main as command
        try:
            # Not click's standalone mode, which answers Ctrl-C with exit code 1, the code of a failure.
            sys.exit(command.main(prog_name="storyflow", standalone_mode=False))
        except click.ClickException as error:
            if "--json" in sys.argv:
                import json

                click.echo(json.dumps({"success": False, "error": error.format_message()}, ensure_ascii=False))
            else:
                error.show()
            sys.exit(error.exit_code)
        except click.Abort:
            sys.exit(_INTERRUPTED)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


def _end_with(codes: list[int]) -> None:
    """End the process with the code, if there is one."""
    if not codes:
        return
    try:
        for stream in filter(None, (sys.stdout, sys.stderr)):
            stream.flush()
    except (OSError, ValueError):  # Python tries it once more and reports it
        return
    os._exit(codes[0])


if __name__ == "__main__":
    program()
