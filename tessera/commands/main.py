"""The command `tessera` itself: options for all commands, errors to exit codes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

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


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="tessera")
def tessera() -> None:
    """Git for panoptic labels: pull exact versions of datasets, push corrections back."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; the exit code tells the family of what went wrong.

    0 all is well; 1 anything else; 2 a wrong option, file or filter; 3 not signed in, or not
    allowed; 4 nothing there; 5 somebody was quicker, or sides disagree; 6 the service cannot
    be reached; 7 damaged bytes.
    """
    from panoptic.errors import PanopticError
    from tessera.errors import TesseraError, UsageError

    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code: Any = tessera.main(args=words, prog_name="tessera", standalone_mode=False)
    except click.exceptions.Abort:
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
        # Whoever read our output has seen enough: `tessera log | head`.
        sys.stderr.close()
        sys.exit(0)
    sys.exit(code if isinstance(code, int) else 0)
