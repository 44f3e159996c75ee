"""manage.py collect_garbage: delete what nobody needs; without --delete it only says what."""

import json
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from rich.console import Console

from store_app.errors import StoreError
from store_app.garbage import GRACE, GarbageReport, collect_garbage


class Command(BaseCommand):
    help = (
        "Find files of the store that nobody needs. With --delete they are condemned, and deleted "
        "by a later run, after the grace period."
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
        console = Console(stderr=True, quiet=options["json"])
        try:
            with console.status("Marking what is alive"):
                report = collect_garbage(dry_run=not delete, grace=timedelta(hours=grace_hours))
        except (StoreError, ValueError) as error:
            raise CommandError(str(error), returncode=1) from error
        if options["json"]:
            self.stdout.write(json.dumps(report._asdict()))
        else:
            self._write(report)

    def _write(self, report: GarbageReport) -> None:
        would = "would be " if report.dry_run else ""
        for verb, names in [
            ("deleted", report.deleted + report.orphans),
            ("condemned", report.condemned),
            ("reprieved", report.reprieved),
        ]:
            for name in names:
                self.stdout.write(f"{would}{verb}: {name}")
        size = (report.deleted_bytes + report.orphan_bytes) / 1e6
        self.stdout.write(
            f"{report.live_packs} files are alive, {len(report.condemned)} {would}condemned, "
            f"{len(report.deleted) + len(report.orphans)} {would}deleted ({size:.1f} MB)."
        )
