"""manage.py erase_image: destroy a photograph for good, as a law may ask."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from datasets_app.actions.erasure import UsedElsewhere, erase_image, plan_erasure
from datasets_app.management.console import ConsoleCommand, get_dataset, get_operator
from panoptic.errors import PanopticError
from store_app.errors import TesseraError


class Command(ConsoleCommand):
    help = (
        "Erase every photograph that an image of a dataset ever had: its digest stays in the "
        "history, its bytes are gone and cannot come back."
    )

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("dataset", metavar="DATASET")
        parser.add_argument("name", metavar="NAME", help="the name of the image")
        parser.add_argument("--reason", required=True, help="for the audit log")
        parser.add_argument("--labels", action="store_true", help="erase its labels as well")
        parser.add_argument(
            "--yes", action="store_true", help="also where other images use the same bytes"
        )
        parser.add_argument("--user", help="who does it (default: operator)")

    def run(
        self, *, dataset: str, name: str, reason: str, labels: bool, yes: bool, **options: Any
    ) -> None:
        if not reason.strip():
            raise CommandError("--reason says why: it goes into the audit log")
        actor = get_operator(options["user"])
        plan = plan_erasure(get_dataset(dataset), name, labels=labels)
        report = erase_image(plan, reason=reason, actor=actor, accept_users=yes)
        if self.as_json:
            self.print_json(
                {
                    "erased": [digest.hex() for digest in report.erased],
                    "files": report.files,
                    "bytes": report.bytes,
                    "also": plan.users,
                }
            )
            return
        for user in plan.users:
            self.stdout.write(f"also erased for {user}")
        self.stdout.write(
            f"{len(plan.photographs)} photographs and {len(plan.labels)} labels of {name} are "
            f"erased; {len(report.files)} files were rewritten or deleted."
        )

    def explain(self, error: TesseraError | PanopticError) -> None:
        if isinstance(error, UsedElsewhere):
            for user in error.users:
                self.stdout.write(f"would also be erased for {user}")
            self.stdout.write("Nothing was erased. With --yes all of them lose these bytes.")
