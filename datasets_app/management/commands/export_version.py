"""One version → label files."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from datasets_app.actions.exports import ExportRequest, export_version
from datasets_app.management.console import ConsoleCommand, add_taxonomy_argument, get_dataset
from datasets_app.revs import resolve
from datasets_app.taxonomy_access import get_reading
from panoptic.formats.losses import tell_losses
from panoptic.formats.options import InvalidOption
from panoptic.formats.registry import FORMATS


class Command(ConsoleCommand):
    help = "Write a version of a dataset as label files"

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the dataset")
        parser.add_argument("rev", help="branch, tag, v12, id prefix, main~2")
        parser.add_argument("path", type=Path, help="where to write; must not exist")
        parser.add_argument("--format", required=True, choices=sorted(FORMATS))
        parser.add_argument("--filter", default="", help='such as: class:"traffic light" split:val')
        parser.add_argument("--option", action="append", default=[], metavar="K=V")
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
        request = ExportRequest(options["format"], filter, _pairs(option))
        with self.progress(f"Writing v{version.number}") as progress:
            report = export_version(version, path, request, reading=reading, progress=progress)
        if self.as_json:
            self.print_json(report.to_json() | {"path": str(path), "version": version.id_hex})
            return
        self.stdout.write(f"{report.images} images, {report.segments} segments in {path}")
        if losses := tell_losses(report.lost):
            self.stdout.write(f"What the format does not carry: {', '.join(losses)}")
        for problem in report.problems:
            self.stderr.write(f"{problem.severity}: {problem.image}: {problem.message}")


def _pairs(options: list[str]) -> dict[str, str]:
    pairs = dict(option.partition("=")[::2] for option in options)
    for name, value in pairs.items():
        if not value:
            raise InvalidOption(name, "write it as name=value")
    return pairs
