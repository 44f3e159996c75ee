"""Make an API token for a user."""

import json
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from people_app.actions.tokens import create_token
from people_app.models import User


class Command(BaseCommand):
    """`manage.py create_token USER [--name NAME] [--read-only] [--days N] [--json]`."""

    help = "Make an API token for a user and print its secret, once."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what the command takes."""
        parser.add_argument("user", metavar="USER", help="name of the account")
        parser.add_argument("--name", default="", help="what the token is for")
        parser.add_argument("--read-only", action="store_true", help="refuse to change anything")
        parser.add_argument("--days", type=int, help="expires after so many days (default: never)")
        parser.add_argument("--json", action="store_true", help="print for machines")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make the token."""
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(f"no user is named {options['user']}")
        if options["days"] is not None and options["days"] < 1:
            raise CommandError("--days is at least 1")
        token, secret = create_token(
            user=user,
            name=options["name"],
            read_only=options["read_only"],
            lifetime=options["days"] and timedelta(days=options["days"]),
        )
        if options["json"]:
            expiry = token.expiry.isoformat() if token.expiry else None
            answer = {"id": token.public_id, "name": token.name, "secret": secret, "expiry": expiry}
            self.stdout.write(json.dumps(answer))
        else:
            self.stdout.write(secret)
            self.stderr.write("Keep it now: the server stores its hash only.")
