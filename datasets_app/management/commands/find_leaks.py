"""What leaks between the splits of a version."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from datasets_app.leaks.asking import make_report
from datasets_app.leaks.certainty import DEFAULT_DISTANCE, MOST_DISTANCE
from datasets_app.leaks.request import LeakRequest
from datasets_app.management.commands.assign_splits import add_group_arguments
from datasets_app.management.console import ConsoleCommand, get_dataset
from datasets_app.models.leak_report import Leak, LeakReport
from datasets_app.numbering import names_of
from datasets_app.revs import resolve
from datasets_app.splitting import GroupKey


class Command(ConsoleCommand):
    help = "Find images that are in two splits, or look like one of another split; exit code 1 then"

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the dataset")
        parser.add_argument("rev", help="branch, tag, v12, id prefix, main~2")
        parser.add_argument(
            "--distance",
            type=int,
            default=DEFAULT_DISTANCE,
            help=f"bits of 192 that may differ, 0 to {MOST_DISTANCE} (default {DEFAULT_DISTANCE})",
        )
        add_group_arguments(parser)
        parser.add_argument("--limit", type=int, default=100, help="leaks to print; 0: all")

    def run(
        self,
        *,
        slug: str,
        rev: str,
        distance: int,
        folders: int | None,
        pattern: str | None,
        attribute: str | None,
        limit: int,
        **options: Any,
    ) -> None:
        version = resolve(get_dataset(slug), rev)
        key = GroupKey(folders, pattern, attribute)
        request = LeakRequest(distance, None if key == GroupKey() else key)
        with self.progress(f"Searching v{version.number}") as progress:
            report = make_report(version, request, progress)
        leaks = list(report.leaks.order_by("position")[: limit or None])
        numbers = {number for leak in leaks for number in (leak.first_no, leak.second_no)}
        names = names_of(version.dataset_id, numbers)
        if self.as_json:
            rows = [_row(leak, names) for leak in leaks]
            self.print_json({"version": version.id_hex, "totals": report.totals, "leaks": rows})
        else:
            self._tell(version.number, report, leaks, names)
        assert report.totals is not None  # it was made just now
        if report.totals["leaks"]:
            raise CommandError(f"{report.totals['leaks']} leaks", returncode=1)

    def _tell(
        self, number: int, report: LeakReport, leaks: list[Leak], names: dict[int, str]
    ) -> None:
        for leak in leaks:
            sure = "" if leak.certainty is None else f" certainty {leak.certainty:.4f}"
            bits = f" distance {leak.distance}" if leak.distance else ""
            key = f" {leak.detail['key']!r}" if leak.detail else ""
            first, second = names[leak.first_no], names[leak.second_no]
            self.stdout.write(f"{leak.kind}{key}: {first} | {second}{bits}{sure}")
        totals = report.totals or {}
        counts = ", ".join(f"{count} {kind}" for kind, count in totals["counts"].items())
        missing = ", ".join(f"{count} {why}" for why, count in totals["not_compared"].items())
        self.stdout.write(
            f"v{number}: {counts} ({totals['listed']} listed, {len(leaks)} shown);"
            f" {totals['photographs']} photographs, not compared: {missing}"
        )


def _row(leak: Leak, names: dict[int, str]) -> dict[str, Any]:
    return {
        "kind": leak.kind,
        "group": leak.group,
        "images": [names[leak.first_no], names[leak.second_no]],
        "distance": leak.distance,
        "certainty": leak.certainty,
        "detail": leak.detail,
    }
