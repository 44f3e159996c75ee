"""Label files → one version."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from datasets_app.actions.imports import import_labels
from datasets_app.imports.errors import ImportRefused
from datasets_app.imports.request import ImportMode, ImportReport, ImportRequest
from datasets_app.management.console import ConsoleCommand, get_operator
from panoptic.errors import PanopticError
from panoptic.formats.registry import FORMATS
from store_app.errors import TesseraError

_PROBLEMS_SHOWN = 20


class Command(ConsoleCommand):
    help = "Import label files into a branch of a dataset as one version"

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the dataset")
        parser.add_argument("path", type=Path, help="the label file, or the folder of a format")
        parser.add_argument("--format", required=True, choices=sorted(FORMATS))
        parser.add_argument("--labels", type=Path, help="folder of label files kept apart")
        parser.add_argument("--images", type=Path, help="folder of the photographs")
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

    def run(self, *, slug: str, user: str | None, **options: Any) -> None:
        fields = ImportRequest.__dataclass_fields__
        request = ImportRequest(
            dataset=slug, **{key: value for key, value in options.items() if key in fields}
        )
        with self.progress(f"Reading {request.path.name}") as progress:
            report = import_labels(request, actor=get_operator(user), progress=progress)
        if self.as_json:
            self.print_json(report.to_json())
        else:
            self._tell(report)

    def explain(self, error: TesseraError | PanopticError) -> None:
        if isinstance(error, ImportRefused):
            self._tell_problems(error.report)

    def _tell(self, report: ImportReport) -> None:
        self._tell_problems(report)
        counts = (
            f"{report.added} added, {report.changed} changed, {report.removed} removed, "
            f"{report.unchanged} unchanged"
        )
        if report.dry_run:
            unknown = f", unknown classes: {', '.join(report.unknown_classes) or 'none'}"
            self.stdout.write(f"Would be: {counts}, {report.conflicting} conflicting{unknown}")
            if report.error_count:
                self.stdout.write(f"The import would be refused: {report.error_count} errors")
        elif report.version is None:
            self.stdout.write("Nothing changed; no version was made.")
        else:
            self.stdout.write(
                f"v{report.version.number} {report.version.id_hex[:12]}: images {counts}; "
                f"{report.segments} segments read, {report.hidden_pixels} pixels lie under others"
            )

    def _tell_problems(self, report: ImportReport) -> None:
        for problem in report.problems[:_PROBLEMS_SHOWN]:
            image = "" if problem.image == problem.file else problem.image
            where = " ".join(part for part in (problem.file, image) if part)
            segment = f" segment {problem.segment}" if problem.segment is not None else ""
            self.stderr.write(f"{problem.severity}: {where}{segment}: {problem.message}")
        if report.problem_count > _PROBLEMS_SHOWN:
            self.stderr.write(f"… {report.problem_count - _PROBLEMS_SHOWN} more; --json lists them")
