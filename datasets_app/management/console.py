"""What the commands of this app share: --json, progress bars, errors as exit codes."""

from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bar

from datasets_app.errors import NotFound
from datasets_app.jobs.kinds import Progress, silent
from datasets_app.models import Dataset
from panoptic.errors import PanopticError
from people_app.models import User
from store_app.errors import TesseraError

OPERATOR = "operator"


class ConsoleCommand(BaseCommand):
    """A command for people and, with --json, for machines; it fails with exit code 1."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON document")
        self.add_own_arguments(parser)

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        """Add what this command takes."""

    def handle(self, *args: Any, **options: Any) -> None:
        self.as_json = options.pop("json")
        try:
            self.run(**options)
        except (TesseraError, PanopticError) as error:
            if self.as_json:
                self.print_json(problem_of(error))
            else:
                self.explain(error)
            raise CommandError(f"{error} [{error.code}]") from error

    def run(self, **options: Any) -> None:
        """Do the work."""
        raise NotImplementedError

    def explain(self, error: TesseraError | PanopticError) -> None:
        """Tell people more than the sentence of an error."""

    def print_json(self, document: Any) -> None:
        self.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode())

    @contextmanager
    def progress(self, title: str) -> Iterator[Progress]:
        """Show a bar on a terminal; say nothing elsewhere and with --json."""
        console = Console(stderr=True)
        if self.as_json or not console.is_terminal:
            yield silent
            return
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
        )
        with Bar(*columns, console=console, transient=True) as bar:
            task = bar.add_task(title, total=None, rate="")

            def show(done: int, total: int | None = None, message: str = "") -> None:
                speed = bar.tasks[0].speed
                rate = f"{speed:,.0f}/s" if speed else ""
                bar.update(task, completed=done, total=total, rate=rate)

            yield show


def add_taxonomy_argument(parser: ArgumentParser) -> None:
    """Add --taxonomy: by what a version is read."""
    parser.add_argument(
        "--taxonomy",
        default="",
        metavar="SLUG@N",
        help="read by this taxonomy version (SLUG: the newest, SLUG@draft); default: its own",
    )


def problem_of(error: TesseraError | PanopticError) -> dict[str, Any]:
    """Return an error as JSON: its code, its sentence, its list of problems."""
    problem = {"code": error.code, "detail": str(error)}
    report = getattr(error, "report", None)
    return problem | report.to_json() if report else problem


def get_dataset(slug: str) -> Dataset:
    """Return the dataset of this slug, whoever may see it: an operator sees all."""
    dataset = Dataset.objects.filter(slug=slug).first()
    if dataset is None:
        raise NotFound("dataset", slug)
    return dataset


def get_operator(username: str | None = None) -> User:
    """Return who acts in a command: the named user, or the account of the operators."""
    if username is not None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise NotFound("user", username)
        return user
    user, created = User.objects.get_or_create(username=OPERATOR)
    if created:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    return user
