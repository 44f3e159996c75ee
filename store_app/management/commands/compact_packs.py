"""manage.py compact_packs: rewrite packs that are mostly dead, and join small ones."""

import json
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from store_app.compaction import THRESHOLD, CompactionReport, compact_packs
from store_app.errors import TesseraError
from store_app.garbage import GRACE
from store_app.management.console import megabytes, progress_bars


class Command(BaseCommand):
    help = (
        "Copy what is alive out of packs that are mostly dead, and out of small packs, into new "
        "ones. The old packs go with collect_garbage, after the grace period."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--threshold",
            type=float,
            default=THRESHOLD,
            help="rewrite packs with at least this dead share (default %(default)g)",
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would be done")
        parser.add_argument(
            "--grace-hours",
            type=float,
            default=GRACE / timedelta(hours=1),
            help="what was put within this time counts as alive (default %(default)g; at least 1)",
        )
        parser.add_argument("--json", action="store_true", help="for machines")

    def handle(self, *args: Any, threshold: float, grace_hours: float, **options: Any) -> None:
        try:
            with progress_bars(hidden=options["json"]) as progress:
                report = compact_packs(
                    threshold=threshold,
                    dry_run=options["dry_run"],
                    grace=timedelta(hours=grace_hours),
                    progress=progress,
                )
        except (TesseraError, ValueError) as error:
            raise CommandError(str(error), returncode=1) from error
        if options["json"]:
            self.stdout.write(json.dumps(report.to_json()))
        else:
            self._write(report)
        if report.problems:
            raise CommandError(f"{len(report.problems)} packs cannot be read", returncode=1)

    def _write(self, report: CompactionReport) -> None:
        for problem in report.problems:
            self.stdout.write(f"{problem.code}: {problem.object}: {problem.message}")
        would = "would be " if report.dry_run else ""
        into = "" if report.dry_run else f" into {report.new_packs:,} of {_size(report)}"
        self.stdout.write(
            f"{report.rewritten:,} of {report.packs:,} files {would}rewritten{into}: "
            f"{megabytes(report.dead_bytes)} of {megabytes(report.rewritten_bytes)} are dead."
        )


def _size(report: CompactionReport) -> str:
    return megabytes(report.new_bytes)
