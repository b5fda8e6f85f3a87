"""Entry point of the command. It imports nothing at first, so that Ctrl-C works cleanly from the start."""

import sys

_INTERRUPTED = 130


def main() -> None:
    """Run the command line."""
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


if __name__ == "__main__":
    main()
