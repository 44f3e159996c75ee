"""manage.py backup: the whole service as one archive, while people work."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction

from datasets_app.backup.writing import write_backup
from datasets_app.management.console import ConsoleCommand, get_operator
from people_app.audit import ObjectName, record
from store_app.management.console import megabytes, progress_bars


class Command(ConsoleCommand):
    help = (
        "Write all rows and all stored bytes into one archive, the same for SQLite and PostgreSQL. "
        "The secret key is not in it."
    )

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("path", type=Path, help="the new archive, such as tessera.tar")

    def run(self, *, path: Path, **options: Any) -> None:
        if path.exists():
            raise CommandError(f"{path} exists")
        if not path.absolute().parent.is_dir():
            raise CommandError(f"there is no folder {path.absolute().parent}")
        with progress_bars(hidden=self.as_json) as progress:
            report = write_backup(path.absolute(), progress)
        with transaction.atomic():
            facts = {"sha256": report.sha256, "bytes": report.archive_bytes}
            record(get_operator(), "backup.written", ObjectName("service", "tessera"), **facts)
        if self.as_json:
            self.print_json(report._asdict())
            return
        self.stdout.write(
            f"{report.rows:,} rows and {report.files:,} files ({megabytes(report.bytes)}) in "
            f"{path}, sha256 {report.sha256}."
        )
