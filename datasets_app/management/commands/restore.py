"""manage.py restore: bring back what `backup` wrote, into an empty database."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from datasets_app.backup.restoring import restore_backup
from datasets_app.management.console import ConsoleCommand
from store_app.management.console import megabytes, progress_bars


class Command(ConsoleCommand):
    help = (
        "Restore an archive of `backup` into a database that was migrated and never used. "
        "Everything is checked; it restores all of it or nothing."
    )

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="the archive")

    def run(self, *, path: Path, **options: Any) -> None:
        if not path.is_file():
            raise CommandError(f"there is no file {path}")
        with progress_bars(hidden=self.as_json) as progress:
            report = restore_backup(path, progress)
        if self.as_json:
            self.print_json(report._asdict())
            return
        self.stdout.write(
            f"Restored {report.rows:,} rows and {report.files:,} files ({megabytes(report.bytes)})."
        )
