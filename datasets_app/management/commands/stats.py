"""What a version contains, per class and split."""

from argparse import ArgumentParser
from typing import Any

from rich.console import Console
from rich.table import Table

from datasets_app.management.console import ConsoleCommand, get_dataset
from datasets_app.revs import resolve
from datasets_app.stats import get_stats, read_under
from labels_app.reading import Reading, reading_of


class Command(ConsoleCommand):
    help = "Show images, segments and pixels per class and split of a version"

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the dataset")
        parser.add_argument("rev", help="branch, tag, v12, id prefix, main~2")

    def run(self, *, slug: str, rev: str, **options: Any) -> None:
        version = resolve(get_dataset(slug), rev)
        reading = reading_of(version.taxonomy_version)
        stats = get_stats(version)
        if self.as_json:
            self.print_json(
                {
                    "version": version.id_hex,
                    "totals": stats.totals._asdict(),
                    "splits": [row._asdict() for row in stats.splits],
                    "classes": [
                        row._asdict() | {"class_name": _name(reading, row.class_id)}
                        for row in read_under(stats.classes, reading)
                    ],
                }
            )
            return
        table = Table("class", "kind", "images", "segments", "crowds", "pixels", box=None)
        rows = read_under(stats.over_splits(), reading)
        for row in sorted(rows, key=lambda row: -row.pixels):
            kind = reading.classes[row.class_id].kind if row.class_id else ""
            counts = (row.images, row.segments, row.crowds, row.pixels)
            table.add_row(_name(reading, row.class_id), kind, *map(_number, counts))
        totals = stats.totals
        Console(file=self.stdout).print(table)
        self.stdout.write(
            f"{totals.images} images, {totals.unlabelled} of them unlabelled; "
            f"{totals.segments} segments"
        )


def _name(reading: Reading, class_id: int) -> str:
    return reading.classes[class_id].name if class_id else "void"


def _number(count: int | None) -> str:
    return "?" if count is None else f"{count:,}"
