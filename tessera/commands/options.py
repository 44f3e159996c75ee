"""Options that many commands share."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from tessera.commands.output import Output
from tessera.config import Config, load_config

Command = TypeVar("Command", bound=Callable[..., Any])


def with_output(command: Command) -> Command:
    """Give a command `--json` and `--quiet`, and the `Output` that they make."""

    @click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
    @click.option("-q", "--quiet", is_flag=True, help="Draw no progress bars.")
    @wraps(command)
    def run(*arguments: Any, as_json: bool, quiet: bool, **options: Any) -> Any:
        return command(*arguments, output=Output(as_json=as_json, quiet=quiet), **options)

    return run  # type: ignore[return-value]


def with_config(command: Command) -> Command:
    """Give a command what files and environment say."""

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> Any:
        return command(*arguments, config=load_config(), **options)

    return run  # type: ignore[return-value]


def with_filter(command: Command) -> Command:
    """Give a command options that choose images; it gets them as the words of one filter."""

    @click.option("--split", help="Only images of this split.")
    @click.option("--class", "classes", multiple=True, help="Only images with this class.")
    @click.option("--status", help="Only images of this status.")
    @click.option("--prefix", default="", help="Only images whose name begins so.")
    @click.option("--filter", "more", default="", help="`class:car count>3 split:val`.")
    @wraps(command)
    def run(
        *arguments: Any,
        split: str | None,
        classes: tuple[str, ...],
        status: str | None,
        prefix: str,
        more: str,
        **options: Any,
    ) -> Any:
        from tessera.service import filter_of

        words = filter_of(split=split, classes=classes, status=status, prefix=prefix, more=more)
        return command(*arguments, words=words, **options)

    return run  # type: ignore[return-value]


def here(config: Config) -> Any:
    """Return the working copy that the present folder lies in."""
    from tessera.working_copy import find_working_copy

    copy = find_working_copy(Path.cwd(), config)
    if copy.finished is not None:
        click.echo("what was broken off here was done to its end", err=True)
    return copy
