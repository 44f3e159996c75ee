"""What the labels of a version break of the label rules."""

from argparse import ArgumentParser
from typing import Any

import orjson
from django.core.management.base import CommandError

from datasets_app.label_checks import violation_json
from datasets_app.management.console import ConsoleCommand, get_dataset
from datasets_app.revs import resolve
from datasets_app.taxonomy_access import get_read_by
from datasets_app.violations import get_label_rules, iter_violations


class Command(ConsoleCommand):
    help = "Check all labels of a version; the exit code is 1 where one breaks an error's rule"

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the dataset")
        parser.add_argument("rev", help="branch, tag, v12, id prefix, main~2")
        parser.add_argument(
            "--taxonomy",
            default="",
            help="read by SLUG@N, SLUG or SLUG@draft and its rules (default: the version's own)",
        )

    def run(self, *, slug: str, rev: str, taxonomy: str, **options: Any) -> None:
        version = resolve(get_dataset(slug), rev)
        by = get_read_by([version], user=None, under=taxonomy)
        rules = get_label_rules(version, by.reading, user=None, under=taxonomy)
        images = errors = warnings = 0
        self._told = 0
        with self.progress(f"Checking v{version.number}") as progress:
            for image in iter_violations(version, by.reading, rules, progress):
                for violation in image.findings.violations:
                    self._tell(image.name, violation_json(violation, by.reading.classes))
                images += 1
                errors += image.findings.errors
                warnings += image.findings.warnings
        if self.as_json:
            self._end_document(
                version=version.id_hex,
                taxonomy=by.name,
                images=images,
                error_count=errors,
                warning_count=warnings,
            )
        else:
            self.stdout.write(
                f"v{version.number} by {by.name}: {errors} errors, {warnings} warnings"
                f" in {images} of {version.image_count} images"
            )
        if errors:
            raise CommandError(f"{errors} violations are errors", returncode=1)

    def _tell(self, image: str, row: dict[str, Any]) -> None:
        # Each at once, in JSON too: there may be more of them than memory takes.
        if self.as_json:
            start = ",\n" if self._told else '{"violations": [\n'
            self.stdout.write(start + orjson.dumps({"image": image, **row}).decode(), ending="")
        else:
            segment = f" segment {row['segment']}" if row["segment"] is not None else ""
            self.stdout.write(f"{row['severity']}: {image}{segment}: {row['message']}")
        self._told += 1

    def _end_document(self, **counts: Any) -> None:
        start = "\n], " if self._told else '{"violations": [], '
        self.stdout.write(start + orjson.dumps(counts).decode().removeprefix("{"))
