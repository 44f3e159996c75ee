"""What a version contains, per class and split."""

from argparse import ArgumentParser
from typing import Any

from rich.console import Console
from rich.table import Table

from datasets_app.management.console import ConsoleCommand, add_taxonomy_argument, get_dataset
from datasets_app.revs import resolve
from datasets_app.stats import get_live_stats
from datasets_app.taxonomy_access import get_reading
from labels_app.reading import Reading


class Command(ConsoleCommand):
    help = "Show images, segments and pixels per class and split of a version"

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the dataset")
        parser.add_argument("rev", help="branch, tag, v12, id prefix, main~2")
        add_taxonomy_argument(parser)

    def run(self, *, slug: str, rev: str, taxonomy: str, **options: Any) -> None:
        version = resolve(get_dataset(slug), rev)
        reading = get_reading(version, user=None, under=taxonomy)
        stats = get_live_stats(version, reading)
        if self.as_json:
            self.print_json(
                {
                    "version": version.id_hex,
                    "pending": stats.pending,
                    "totals": stats.totals._asdict(),
                    "splits": [row._asdict() for row in stats.splits],
                    "classes": [
                        row._asdict() | {"class_name": _name(reading, row.class_id)}
                        for row in stats.classes
                    ],
                }
            )
            return
        table = Table("class", "kind", "images", "segments", "crowds", "pixels", box=None)
        for row in sorted(stats.over_splits, key=lambda row: -row.pixels):
            kind = reading.classes[row.class_id].kind if row.class_id else ""
            counts = (row.images, row.segments, row.crowds, row.pixels)
            table.add_row(_name(reading, row.class_id), kind, *map(_number, counts))
        totals = stats.totals
        Console(file=self.stdout).print(table)
        self.stdout.write(
            f"{totals.images} images, {totals.unlabelled} of them unlabelled; "
            f"{_number(totals.segments)} segments"
        )
        if stats.pending:
            self.stdout.write("? is being counted by a job; ask again")


def _name(reading: Reading, class_id: int) -> str:
    return reading.classes[class_id].name if class_id else "void"


def _number(count: int | None) -> str:
    return "?" if count is None else f"{count:,}"
