"""Label files → one version."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from datasets_app.actions.imports import import_labels
from datasets_app.imports.errors import ImportRefused
from datasets_app.imports.request import ImportMode, ImportReport, ImportRequest
from datasets_app.management.console import (
    ConsoleCommand,
    add_option_argument,
    get_operator,
    option_pairs,
)
from panoptic.errors import PanopticError
from panoptic.formats.recognition import AUTO, readable_formats
from store_app.errors import TesseraError


class Command(ConsoleCommand):
    help = "Import label files into a branch of a dataset as one version"

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the dataset")
        parser.add_argument(
            "path", type=Path, help="the label file, the folder of a format, or a zip or tar of it"
        )
        parser.add_argument(
            "--format", default=AUTO, choices=[AUTO, *(form.name for form in readable_formats())],
            help="default: the one that the files look like; it is told which, and why",
        )  # fmt: skip
        parser.add_argument("--inside", help="where in the folder or archive they lie")
        parser.add_argument("--labels", type=Path, help="folder of label files kept apart")
        parser.add_argument("--images", type=Path, help="folder of the photographs")
        parser.add_argument("--classes", type=Path, help="table of the classes, kept apart")
        add_option_argument(parser)
        parser.add_argument("--split", help="put the images into this split")
        parser.add_argument("--branch", help="default: the dataset's default branch")
        parser.add_argument("-m", "--message", default="")
        parser.add_argument(
            "--mode", type=ImportMode, choices=list(ImportMode), default=ImportMode.APPEND,
            help="append: existing names are refused; update: adds and changes; "
            "replace: also removes what the import lacks (default: %(default)s)",
        )  # fmt: skip
        parser.add_argument("--class", dest="class_name", help="for formats without classes")
        parser.add_argument(
            "--on-overlap", default="small", choices=["small", "first", "last", "refuse"],
            help="which of two overlapping segments lies on top (default: the smaller)",
        )  # fmt: skip
        parser.add_argument("--taxonomy", help="a JSON file of classes, or SLUG@N")
        parser.add_argument("--create", action="store_true", help="create the dataset if missing")
        parser.add_argument("--dry-run", action="store_true", help="say what would happen")
        parser.add_argument("--user", help="who commits (default: the operator account)")

    def run(self, *, slug: str, user: str | None, option: list[str], **options: Any) -> None:
        fields = ImportRequest.__dataclass_fields__
        request = ImportRequest(
            dataset=slug,
            options=option_pairs(option),
            **{key: value for key, value in options.items() if key in fields and key != "options"},
        )
        with self.progress(f"Reading {request.path.name}") as progress:
            report = import_labels(request, actor=get_operator(user), progress=progress)
        if self.as_json:
            self.print_json(report.to_json())
        else:
            self._tell(report)

    def explain(self, error: TesseraError | PanopticError) -> None:
        if isinstance(error, ImportRefused):
            self._tell_format(error.report)
            self.tell_problems(error.report.problems, count=error.report.problem_count)

    def _tell(self, report: ImportReport) -> None:
        self._tell_format(report)
        self.tell_problems(report.problems, count=report.problem_count)
        counts = (
            f"{report.added} added, {report.changed} changed, {report.removed} removed, "
            f"{report.unchanged} unchanged"
        )
        if report.dry_run:
            unknown = f", unknown classes: {', '.join(report.unknown_classes) or 'none'}"
            self.stdout.write(f"Would be: {counts}, {report.conflicting} conflicting{unknown}")
            if report.error_count:
                errors = "1 error" if report.error_count == 1 else f"{report.error_count} errors"
                self.stdout.write(f"The import would be refused: {errors}")
        elif report.version is None:
            self.stdout.write("Nothing changed; no version was made.")
        else:
            lost = f", {report.lost_pixels} went to stuff" if report.lost_pixels else ""
            self.stdout.write(
                f"v{report.version.number} {report.version.id_hex[:12]}: images {counts}; "
                f"{report.segments} segments read, {report.hidden_pixels} pixels lie under others"
                f"{lost}"
            )

    def _tell_format(self, report: ImportReport) -> None:
        if report.reason:
            place = "" if report.path == "." else f" {report.path}"
            self.stdout.write(f"reads{place} as {report.format}: {report.reason}")
