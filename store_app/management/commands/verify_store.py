"""manage.py verify_store: is everything there, and is it what was stored?"""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from store_app.management.console import megabytes, progress_bars
from store_app.models import Verification
from store_app.roots import Finding
from store_app.verification import ERASED, LEVELS, find_unfinished, start_verification, verify


class Command(BaseCommand):
    help = "Check the store; the exit code is 1 when something is wrong."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--level",
            choices=LEVELS,
            default="refs",
            help="refs: files are there; tree: all that is needed is there; data: read everything",
        )
        parser.add_argument(
            "--sample", metavar="P", default="100%", help="level data: read this share of the blobs"
        )
        parser.add_argument("--seed", type=int, default=0, help="which blobs the sample has")
        parser.add_argument(
            "--resume", action="store_true", help="level data: go on with the run that was cut off"
        )
        parser.add_argument("--json", action="store_true", help="for machines")

    def handle(self, *args: Any, level: str, **options: Any) -> None:
        run = _run(level, options)
        findings = []
        with progress_bars(hidden=options["json"]) as progress:
            for finding in verify(level, progress, run=run):
                findings.append(finding)
                if not options["json"]:
                    self.stdout.write(_sentence(finding))
        damage = [finding for finding in findings if finding.code != ERASED]
        if options["json"]:
            self.stdout.write(json.dumps(_body(level, findings, run)))
        else:
            self._conclude(level, len(damage), run)
        if damage:
            raise CommandError(f"{len(damage)} findings", returncode=1)

    def _conclude(self, level: str, damage: int, run: Verification | None) -> None:
        if run is not None:
            of = {field: run.covered.get(field, 0) for field in _COVERED}
            self.stdout.write(
                f"Read {of['blobs']:,} of {of['of_blobs']:,} blobs, {megabytes(of['bytes'])} of "
                f"{megabytes(of['of_bytes'])}, in {of['files']:,} of {of['of_files']:,} files."
            )
        if not damage:
            self.stdout.write(f"The store is clean (level {level}).")


_COVERED = ("files", "of_files", "blobs", "of_blobs", "bytes", "of_bytes")


def _run(level: str, options: dict[str, Any]) -> Verification | None:
    sample = _share(options["sample"])
    if level != "data":
        if sample != 1 or options["resume"]:
            raise CommandError("--sample and --resume are for --level data: the others are fast")
        return None
    if options["resume"]:
        unfinished = find_unfinished()
        if unfinished is None:
            raise CommandError("no verification was cut off: there is nothing to resume")
        return unfinished
    return start_verification(sample=sample, seed=options["seed"])


def _share(text: str) -> float:
    """Read `1%` or `0.01`."""
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        share = 0.0
    if not 0 < share <= 1:
        raise CommandError(f"--sample is a share such as 1% or 0.01, not {text!r}")
    return share


def _body(level: str, findings: list[Finding], run: Verification | None) -> dict[str, Any]:
    body: dict[str, Any] = {
        "level": level,
        "findings": [finding._asdict() for finding in findings if finding.code != ERASED],
        "erased": [finding._asdict() for finding in findings if finding.code == ERASED],
    }
    if run is not None:
        covered = {field: run.covered.get(field, 0) for field in _COVERED}
        body |= {"sample": run.sample, "seed": run.seed, "covered": covered}
    return body


def _sentence(finding: Finding) -> str:
    where = f" (needed by {finding.parent}, {finding.path})" if finding.path else ""
    return f"{finding.code}: {finding.object}: {finding.message}{where}"
