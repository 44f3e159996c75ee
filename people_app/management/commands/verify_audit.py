"""Say whether the audit log is as it was recorded."""

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from people_app.audit_verification import AuditReport, Finding, Head, verify_audit
from people_app.management.console import count_bar
from people_app.models import AuditProof


class Command(BaseCommand):
    """`manage.py verify_audit [--json] [--heads FILE]`: exit code 1 when something is wrong."""

    help = "Find events that were altered, removed, inserted or re-ordered"

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare what the command takes."""
        parser.add_argument("--json", action="store_true", help="print for machines")
        parser.add_argument(
            "--heads",
            type=Path,
            metavar="FILE",
            help="what --json printed earlier, kept elsewhere: its heads must be there still",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Verify."""
        kept = _read_heads(options["heads"]) if options["heads"] else []
        with count_bar("events", AuditProof.objects.count(), hidden=options["json"]) as watch:
            report = verify_audit(kept, watch)
        if options["json"]:
            self.stdout.write(json.dumps(_report_json(report), indent=2))
        else:
            for finding in report.findings:
                self.stdout.write(_sentence(finding))
            self.stdout.write(
                f"{report.events:,} events, {report.seals:,} seals, "
                f"{report.unsealed:,} events not sealed yet"
            )
        if report.findings:
            raise CommandError(f"{len(report.findings)} findings")


def _read_heads(path: Path) -> list[Head]:
    try:
        rows = json.loads(path.read_bytes())["heads"]
        return [Head(str(row["line"]), int(row["number"]), str(row["digest"])) for row in rows]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise CommandError(f"{path} is no output of verify_audit --json") from error


def _report_json(report: AuditReport) -> dict[str, Any]:
    return {
        "ok": not report.findings,
        "events": report.events,
        "seals": report.seals,
        "unsealed": report.unsealed,
        "findings": [finding._asdict() for finding in report.findings],
        "heads": [head._asdict() for head in report.heads],
    }


def _sentence(finding: Finding) -> str:
    subject = f"event {finding.event}" if finding.event is not None else f"seal {finding.seal}"
    return f"{finding.kind}: {subject} of {finding.line}: {finding.detail}"
