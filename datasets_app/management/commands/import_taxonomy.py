"""A preset, or a file of classes → a taxonomy."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from datasets_app.management.console import ConsoleCommand, get_operator
from labels_app.actions.taxonomies import create_taxonomy
from labels_app.presets import PRESETS, preset_classes
from labels_app.reading import reading_of
from labels_app.taxonomy_files import CLASS_FORMATS, TaxonomyFile, read_taxonomy_file
from panoptic.errors import MalformedFile


class Command(ConsoleCommand):
    help = "Make a taxonomy of a preset, of a JSON file of classes, or of a label file's classes"

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="of the new taxonomy")
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("file", nargs="?", type=Path, help="classes, or labels that name them")
        source.add_argument("--preset", choices=sorted(PRESETS))
        parser.add_argument(
            "--format", default="", choices=CLASS_FORMATS,
            help="of a label file that does not tell by itself",
        )  # fmt: skip
        parser.add_argument("--title", default="")
        parser.add_argument("-m", "--message", default="")
        parser.add_argument("--user", help="who owns it (default: the operator account)")

    def run(
        self,
        *,
        slug: str,
        file: Path | None,
        preset: str | None,
        format: str,
        title: str,
        message: str,
        user: str | None,
        **options: Any,
    ) -> None:
        found = TaxonomyFile(preset_classes(preset)) if preset else _read(file, format)
        version = create_taxonomy(
            slug=slug,
            classes=found.classes,
            rules=found.rules,
            actor=get_operator(user),
            title=title,
            message=message or f"Import of {preset or (file and file.name)}",
        )
        classes = reading_of(version).live_classes
        things = sum(spec.kind == "thing" for spec in classes)
        if self.as_json:
            self.print_json(
                {
                    "slug": slug,
                    "number": version.number,
                    "digest": version.digest.hex(),
                    "classes": len(classes),
                    "things": things,
                    "stuff": len(classes) - things,
                    "rules": len(version.rules),
                }
            )
        else:
            self.stdout.write(
                f"{slug}@{version.number}: {len(classes)} classes, {things} things, "
                f"{len(classes) - things} stuff"
            )


def _read(path: Path | None, format_name: str) -> TaxonomyFile:
    if path is None or not path.is_file():
        raise MalformedFile("there is no such file", file=str(path))
    return read_taxonomy_file(path, format_name)
