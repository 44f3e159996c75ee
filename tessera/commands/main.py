"""The command `tessera` itself: options for all commands, errors to exit codes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

import click
from click.shell_completion import shell_complete

from tessera import __version__

# Loaded when they are asked for: `tessera --help` must not wait for numpy.
_HOMES = {
    "login": "access", "logout": "access",
    "datasets": "remote", "log": "remote", "branch": "remote", "tag": "remote", "merge": "remote",
    "clone": "copies", "pull": "copies", "push": "copies", "status": "copies", "diff": "copies",
    "checkout": "copies", "restore": "copies",
    "import": "transfers", "export": "transfers",
    "eval": "evaluation",
    "verify": "upkeep", "cache": "upkeep", "completion": "upkeep",
}  # fmt: skip


class _Commands(click.Group):
    """The commands by name, in the order in which they are met."""

    def list_commands(self, context: click.Context) -> list[str]:
        return list(_HOMES)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        if name not in _HOMES:
            return None
        module = import_module(f"tessera.commands.{_HOMES[name]}")
        found: click.Command = getattr(module, f"{name}_command")
        return found


_EXIT_CODES = """\b
Exit codes:
  0  all is well
  1  anything else, such as a full disk
  2  a wrong option, file or filter; nothing to push
  3  not signed in, or not allowed
  4  nothing there that you may see
  5  somebody was quicker, or sides disagree; a list follows
  6  the service cannot be reached
  7  damaged bytes
"""


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_EXIT_CODES,
)
@click.version_option(__version__, prog_name="tessera")
def tessera() -> None:
    """Git for panoptic labels: pull exact versions of datasets, push corrections back.

    Begin with `tessera login URL` and `tessera clone DATASET`.
    """


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; the exit code tells the family of what went wrong (`_EXIT_CODES`)."""
    from panoptic.errors import PanopticError
    from tessera.errors import TesseraError, UsageError

    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _run(words)
        sys.stdout.flush()
    except (click.exceptions.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (TesseraError, PanopticError) as error:
        from tessera.commands.output import report_error

        told = error if isinstance(error, TesseraError) else UsageError(str(error), code=error.code)
        report_error(told, as_json="--json" in words)
        sys.exit(told.exit_code)
    except BrokenPipeError:
        _end_quietly()
    except OSError as error:
        click.secho(f"error: {error.filename or 'a file'}: {error.strerror}", fg="red", err=True)
        sys.exit(1)
    sys.exit(code)


def _run(words: list[str]) -> int:
    """Run a command and return its exit code.

    Not by click's `main`, which makes a failure of a pipe that its reader closed.
    """
    instruction = os.environ.get("_TESSERA_COMPLETE")
    if instruction:
        return shell_complete(tessera, {}, "tessera", "_TESSERA_COMPLETE", instruction)
    try:
        with tessera.make_context("tessera", words) as context:
            tessera.invoke(context)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    return 0


def _end_quietly() -> NoReturn:
    """End as if all were well: who read our output has seen enough, as in `tessera log | head`."""
    # What is still in the buffer would complain again at the end of the process.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(0)
