"""manage.py verify_store: is everything there, and is it what was stored?"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from store_app.roots import Finding
from store_app.verification import LEVELS, Progress, verify


class Command(BaseCommand):
    help = "Check the store; the exit code is 1 when something is wrong."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--level",
            choices=LEVELS,
            default="refs",
            help="refs: files are there; tree: all that is needed is there; data: read everything",
        )
        parser.add_argument("--json", action="store_true", help="for machines")

    def handle(self, *args: Any, level: str, **options: Any) -> None:
        findings = []
        with _bars(hidden=options["json"]) as progress:
            for finding in verify(level, progress):
                findings.append(finding)
                if not options["json"]:
                    self.stdout.write(_sentence(finding))
        if options["json"]:
            body = {"level": level, "findings": [finding._asdict() for finding in findings]}
            self.stdout.write(json.dumps(body))
        elif not findings:
            self.stdout.write(f"The store is clean (level {level}).")
        if findings:
            raise CommandError(f"{len(findings)} findings", returncode=1)


def _sentence(finding: Finding) -> str:
    where = f" (needed by {finding.parent}, {finding.path})" if finding.path else ""
    return f"{finding.code}: {finding.object}: {finding.message}{where}"


@contextmanager
def _bars(*, hidden: bool) -> Iterator[Progress]:
    """Show one bar for each stage, on the error stream so that findings can be piped."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Bars(
        *columns,
        TimeElapsedColumn(),
        console=console,
        disable=hidden or not console.is_terminal,
    ) as bars:
        stages: dict[str, Any] = {}

        def progress(stage: str, done: int, total: int | None) -> None:
            if stage not in stages:
                stages[stage] = bars.add_task(stage, total=total)
            bars.update(stages[stage], completed=done, total=total)

        yield progress
