"""F7, the command line: every command is a call of `mosaico_ingest.run` or the client. Next: `app`."""

from collections.abc import Sequence

__all__ = ["main"]

_INTERRUPTED = 130


def main(args: Sequence[str] | None = None) -> int:
    """
    Run the command line and return its exit code.

    Every error is one line on stderr. What is not an error of ours is a bug of ours: its traceback is printed
    where `MOSAICO_INGEST_DEBUG` is set.

    Args:
        args: Words after the program's name, those of the process by default.
    """
    import logging
    import os
    import sys

    from mosaico_ingest.cli.output import print_error

    # Of an attempt that is made again only the last outcome is news.
    logging.getLogger("stamina").setLevel(logging.ERROR)
    try:
        return _run(args)
    except KeyboardInterrupt:
        print_error("Interrupted.")
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has seen enough. Python would complain at exit about what is unsent.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if os.environ.get("MOSAICO_INGEST_DEBUG"):
            raise
        print_error(
            f"Unexpected {type(error).__name__}: {error}. This is a bug; "
            "run with MOSAICO_INGEST_DEBUG=1 for the traceback."
        )
        return 1


def _run(args: Sequence[str] | None) -> int:
    """Run the command line; errors of ours and of click become lines and codes."""
    import click

    from mosaico_ingest.cli.app import app
    from mosaico_ingest.cli.output import print_error
    from mosaico_ingest.errors import MosaicoError, NotFoundError, UsageError

    try:
        code = app.main(args, prog_name="mosaico-ingest", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        hint = f" Try '{context.command_path} --help'." if context else ""
        print_error(f"{error.format_message()}{hint}")
        return error.exit_code
    except click.Abort:
        raise KeyboardInterrupt from None
    except UsageError as error:
        print_error(str(error))
        return 2
    except NotFoundError as error:
        print_error(f"{error} See what is there with `mosaico-ingest ls`.")
        return 1
    except MosaicoError as error:
        print_error(str(error))
        return 1
    return code if isinstance(code, int) else 0
