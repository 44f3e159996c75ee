"""One version → label files."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from datasets_app.actions.exports import ExportRequest, export_version
from datasets_app.management.console import (
    ConsoleCommand,
    add_option_argument,
    add_taxonomy_argument,
    get_dataset,
    option_pairs,
)
from datasets_app.revs import resolve
from datasets_app.taxonomy_access import get_reading
from panoptic.formats.losses import tell_losses
from panoptic.formats.recognition import writable_formats


class Command(ConsoleCommand):
    help = "Write a version of a dataset as label files"

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the dataset")
        parser.add_argument("rev", help="branch, tag, v12, id prefix, main~2")
        parser.add_argument(
            "path", type=Path,
            help="where to write, must not exist; one that ends in .zip or .tar is an archive",
        )  # fmt: skip
        parser.add_argument(
            "--format", required=True, choices=[form.name for form in writable_formats()]
        )
        parser.add_argument("--filter", default="", help='such as: class:"traffic light" split:val')
        add_option_argument(parser)
        add_taxonomy_argument(parser)

    def run(
        self,
        *,
        slug: str,
        rev: str,
        path: Path,
        filter: str,
        option: list[str],
        taxonomy: str,
        **options: Any,
    ) -> None:
        version = resolve(get_dataset(slug), rev)
        reading = get_reading(version, user=None, under=taxonomy)
        request = ExportRequest(options["format"], filter, option_pairs(option))
        with self.progress(f"Writing v{version.number}") as progress:
            report = export_version(version, path, request, reading=reading, progress=progress)
        if self.as_json:
            self.print_json(report.to_json() | {"path": str(path), "version": version.id_hex})
            return
        self.stdout.write(f"{report.images} images, {report.segments} segments in {path}")
        if losses := tell_losses(report.lost):
            self.stdout.write(f"What the format does not carry: {', '.join(losses)}")
        self.tell_problems(report.problems)
