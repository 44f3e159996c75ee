"""What commands print: words for people, JSON for machines; bars where somebody watches."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click

from tessera.commands.advice import advice_of
from tessera.errors import TesseraError
from tessera.progress import Progress, silent

_MOST_LINES = 20


class Output:
    """Where a command prints to; `as_json` prints one JSON document and no words."""

    def __init__(self, *, as_json: bool, quiet: bool) -> None:
        self.as_json, self.quiet = as_json, quiet

    def say(self, text: str = "", **style: Any) -> None:
        """Print a line for people."""
        if not self.as_json:
            click.secho(text, **style)

    def columns(self, rows: Sequence[Sequence[str]]) -> None:
        """Print a table, each column as wide as its widest word."""
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            words = (word.ljust(width) for word, width in zip(row, widths, strict=True))
            self.say("  ".join(words).rstrip())

    def give(self, document: Any) -> None:
        """Print the JSON for machines, where it is asked for."""
        if self.as_json:
            click.echo(json.dumps(document, indent=1, ensure_ascii=False))

    @contextmanager
    def progress(self, title: str) -> Iterator[Progress]:
        """Draw a bar with rate and time left while the block runs; nothing without a terminal."""
        if self.as_json or self.quiet or not sys.stderr.isatty():
            yield silent
            return
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            TextColumn,
            TimeRemainingColumn,
        )
        from rich.progress import (
            Progress as Bars,
        )

        bars = Bars(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
            TextColumn("{task.fields[sent]}"), TimeRemainingColumn(),
            console=Console(stderr=True), transient=True,
        )  # fmt: skip
        lock = threading.Lock()
        with bars:
            task = bars.add_task(title, total=None, sent="")

            def draw(done: int, total: int | None = None, transferred: int = 0) -> None:
                with lock:
                    speed = bars.tasks[0].speed
                    rate = f"{speed:,.0f}/s" if speed else ""
                    shown = human_bytes(transferred) if transferred else rate
                    bars.update(task, completed=done, total=total, sent=shown)

            yield draw


def report_error(error: TesseraError, *, as_json: bool) -> None:
    """Print why a command failed and what to do, to the error stream; JSON where it is wanted."""
    if as_json:
        click.echo(json.dumps(error.to_json(), indent=1, ensure_ascii=False), err=True)
        return
    click.secho(f"error: {error.message}", fg="red", err=True)
    told = error.errors or error.facts.get("conflicts", [])
    for line in told[:_MOST_LINES]:
        click.echo(f"  {_line(line)}", err=True)
    if len(told) > _MOST_LINES:
        click.echo(f"  and {len(told) - _MOST_LINES} more", err=True)
    advice = advice_of(error)
    if advice:
        click.echo(advice, err=True)


def human_bytes(count: int) -> str:
    """Return `1.2 MB`: powers of 1,000, as disks and networks are sold."""
    size = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000
    raise AssertionError("unreachable")


def counted(count: int, noun: str) -> str:
    """Return `1 image`, `2 images`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "es" if noun.endswith("s") else "s")


def problem_line(problem: dict[str, Any]) -> str:
    """Return where a problem of label files is, by file, image and segment, and what it is."""
    file, image, segment = (problem.get(name) for name in ("file", "image", "segment"))
    places = dict.fromkeys(str(place) for place in (file, image) if place)
    where = " ".join([*places, *([] if segment is None else [f"segment {segment}"])])
    return f"{where}: {problem['message']}" if where else str(problem["message"])


def _line(item: Any) -> str:
    if not isinstance(item, dict):
        return str(item)
    if "message" in item and (item.get("file") or item.get("segment") is not None):
        return problem_line(item)
    where = item.get("image") or item.get("name") or item.get("field") or item.get("digest") or ""
    known = (item.get(key) for key in ("message", "detail", "code", "field"))
    what = next(filter(None, known), item)
    return f"{where}: {what}" if where else str(what)
