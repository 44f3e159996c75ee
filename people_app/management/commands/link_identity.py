"""Say who signs in with the organisation's provider as whom."""

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from people_app.actions.identities import link_identity
from people_app.errors import IdentityRefused
from people_app.models import User
from people_app.oidc.settings import oidc_settings


class Command(BaseCommand):
    """`manage.py link_identity USER SUBJECT [--issuer URL] [--json]`."""

    help = "Have whom the provider knows as SUBJECT sign in as USER."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what the command takes."""
        parser.add_argument("user", metavar="USER", help="name of the account")
        parser.add_argument(
            "subject", metavar="SUBJECT", help="`sub` of the person at the provider"
        )
        parser.add_argument("--issuer", help="by default that of TESSERA_OIDC_ISSUER")
        parser.add_argument("--json", action="store_true", help="print for machines")

    def handle(self, *args: Any, **options: Any) -> None:
        """Link them."""
        user = User.objects.filter(username=options["user"]).first()
        if user is None:
            raise CommandError(f"no user is named {options['user']}")
        found = oidc_settings()
        issuer = options["issuer"] or (found.issuer if found else "")
        if not issuer:
            raise CommandError("there is no TESSERA_OIDC_ISSUER; name it by --issuer")
        try:
            identity = link_identity(
                user=user, issuer=issuer, subject=options["subject"], actor=None
            )
        except IdentityRefused as error:
            raise CommandError(str(error)) from error
        if options["json"]:
            answer = {"user": user.username, "issuer": issuer, "subject": identity.subject}
            self.stdout.write(json.dumps(answer))
        else:
            self.stdout.write(f"{identity} signs in as {user.username}")
