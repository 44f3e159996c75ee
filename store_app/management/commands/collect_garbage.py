"""manage.py collect_garbage: delete what nobody needs; without --delete it only says what."""

import json
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from store_app.errors import TesseraError
from store_app.garbage import GRACE, GarbageReport, collect_garbage
from store_app.management.console import megabytes, progress_bars


class Command(BaseCommand):
    help = (
        "Find files of the store and rows of the tree that nobody needs. With --delete they are "
        "condemned, and deleted by a later run, after the grace period."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--delete", action="store_true", help="do it; the default is a dry run")
        parser.add_argument(
            "--grace-hours",
            type=float,
            default=GRACE / timedelta(hours=1),
            help="how long a file stays condemned (default %(default)g; at least 1)",
        )
        parser.add_argument("--json", action="store_true", help="for machines")

    def handle(self, *args: Any, delete: bool, grace_hours: float, **options: Any) -> None:
        try:
            with progress_bars(hidden=options["json"]) as progress:
                report = collect_garbage(
                    dry_run=not delete, grace=timedelta(hours=grace_hours), progress=progress
                )
        except (TesseraError, ValueError) as error:
            raise CommandError(str(error), returncode=1) from error
        if options["json"]:
            self.stdout.write(json.dumps(report.to_json()))
        else:
            self._write(report)

    def _write(self, report: GarbageReport) -> None:
        would = "would be " if report.dry_run else ""
        for verb, names in [
            ("deleted", report.deleted),
            ("deleted", report.orphans),
            ("condemned", report.condemned),
            ("reprieved", report.reprieved),
        ]:
            for name in names.first:
                self.stdout.write(f"{would}{verb}: {name}")
            if names.files > len(names.first):
                self.stdout.write(f"{would}{verb}: {names.files - len(names.first):,} more")
        for rows in report.rows:
            self.stdout.write(
                f"{rows.kind} rows: {rows.condemned:,} {would}condemned, "
                f"{rows.deleted:,} {would}deleted."
            )
        if report.leased.files:
            self.stdout.write(f"{report.leased.files:,} files wait for leases of readers to end.")
        size = megabytes(report.deleted.bytes + report.orphans.bytes)
        self.stdout.write(
            f"{report.live.files:,} files are alive ({megabytes(report.dead_bytes)} in them dead), "
            f"{report.condemned.files:,} {would}condemned, "
            f"{report.deleted.files + report.orphans.files:,} {would}deleted ({size})."
        )
