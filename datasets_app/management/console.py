"""What the commands of this app share: --json, progress bars, errors as exit codes."""

from argparse import ArgumentParser
from collections.abc import Iterator, Sequence
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
from panoptic.formats.options import InvalidOption
from panoptic.formats.problems import Problem
from people_app.models import User
from store_app.errors import TesseraError

OPERATOR = "operator"
_PROBLEMS_SHOWN = 20
_INTERRUPTED = 130  # as shells have it: 128 and the number of the signal


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
        except OSError as error:
            # A folder that may not be written, a disk that is full: nothing of the program.
            place = error.filename or "a file"
            raise CommandError(f"{place}: {error.strerror or error}") from error
        except KeyboardInterrupt:
            raise CommandError("stopped", returncode=_INTERRUPTED) from None

    def run(self, **options: Any) -> None:
        """Do the work."""
        raise NotImplementedError

    def explain(self, error: TesseraError | PanopticError) -> None:
        """Tell people more than the sentence of an error."""

    def tell_problems(self, problems: Sequence[Problem], *, count: int | None = None) -> None:
        """Tell people what is wrong with files, some of it; `count`: how much there is in all."""
        for problem in problems[:_PROBLEMS_SHOWN]:
            image = "" if problem.image == problem.file else problem.image
            segment = "" if problem.segment is None else f"segment {problem.segment}"
            where = " ".join(part for part in (problem.file, image, segment) if part)
            told = f"{where}: {problem.message}" if where else problem.message
            self.stderr.write(f"{problem.severity}: {told}")
        more = (len(problems) if count is None else count) - _PROBLEMS_SHOWN
        if more > 0:
            self.stderr.write(f"… {more} more; --json lists them")

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
            TextColumn("{task.fields[message]}", style="dim", markup=False),
        )
        with Bar(*columns, console=console, transient=True) as bar:
            task = bar.add_task(title, total=None, rate="", message="")

            def show(done: int, total: int | None = None, message: str = "") -> None:
                speed = bar.tasks[0].speed
                rate = f"{speed:,.0f}/s" if speed else ""
                bar.update(task, completed=done, total=total, rate=rate, message=message)

            yield show


def add_taxonomy_argument(parser: ArgumentParser) -> None:
    """Add --taxonomy: by what a version is read."""
    parser.add_argument(
        "--taxonomy",
        default="",
        metavar="SLUG@N",
        help="read by this taxonomy version (SLUG: the newest, SLUG@draft); default: its own",
    )


def add_option_argument(parser: ArgumentParser) -> None:
    """Add --option, which may be given several times."""
    parser.add_argument(
        "--option", action="append", default=[], metavar="K=V", help="an option of the format"
    )


def option_pairs(options: list[str]) -> dict[str, str]:
    """Return options by name; raises InvalidOption for one that is no `name=value`."""
    pairs = dict(option.partition("=")[::2] for option in options)
    for name, value in pairs.items():
        if not value:
            raise InvalidOption(name, "write it as name=value")
    return pairs


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
