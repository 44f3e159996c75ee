"""Chain the events that have no seal yet."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from people_app.sealing import seal_events


class Command(BaseCommand):
    """`manage.py seal_audit [--json]`; the worker does it by itself now and then."""

    help = "Seal the events of the audit log that have no seal yet"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what the command takes."""
        parser.add_argument("--json", action="store_true", help="print for machines")

    def handle(self, *args: Any, **options: Any) -> None:
        """Seal."""
        sealed = seal_events()
        if options["json"]:
            self.stdout.write(json.dumps(sealed._asdict()))
        else:
            self.stdout.write(f"{sealed.events:,} events sealed by {sealed.seals:,} seals")
