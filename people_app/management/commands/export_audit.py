"""Write the audit log as lines of JSON."""

from argparse import ArgumentParser
from datetime import datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from people_app.audit_listing import iter_event_lines, select_events
from people_app.models import AuditEvent
from people_app.moments import parse_moment


class Command(BaseCommand):
    """`manage.py export_audit [PATH] [--actor …] [--verb …] [--since …]`."""

    help = "Write the events of the audit log as NDJSON, the oldest first"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what the command takes."""
        parser.add_argument("path", nargs="?", type=Path, help="a new file; default: the output")
        parser.add_argument("--actor", metavar="NAME", help="what this account did")
        parser.add_argument("--verb", help="tag.created, or tag.* for all that begin so")
        parser.add_argument("--object", metavar="KIND[:ID]", help="what was done to it")
        parser.add_argument("--line", metavar="KIND:ID", help="dataset:7 or taxonomy:3 by number")
        parser.add_argument("--since", type=_time, help="2026-11-22 or 2026-11-22T14:00:00Z")
        parser.add_argument("--until", type=_time, help="not itself")

    def handle(self, *args: Any, **options: Any) -> None:
        """Export."""
        kind, _, object_id = (options["object"] or "").partition(":")
        line_kind, _, line_id = (options["line"] or "").partition(":")
        events = select_events(
            AuditEvent.objects.all(),
            actor=options["actor"],
            verb=options["verb"],
            object_kind=kind or None,
            object_id=object_id or None,
            line=(line_kind, line_id) if options["line"] else None,
            since=options["since"],
            until=options["until"],
        )
        path = options["path"]
        if path is None:
            for lines in iter_event_lines(events):
                self.stdout.write(lines.decode(), ending="")
            return
        try:
            with path.open("xb") as file:
                for lines in iter_event_lines(events):
                    file.write(lines)
        except OSError as error:
            raise CommandError(str(error)) from error


def _time(text: str) -> datetime:
    moment = parse_moment(text)
    if moment is None:
        raise ValueError(text)
    return moment
