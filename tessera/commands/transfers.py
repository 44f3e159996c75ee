"""Label files in and out: an import is a version on the service, an export is files here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tessera.commands.options import with_config, with_filter, with_output
from tessera.commands.output import Output, counted
from tessera.commands.remote import dataset_option, place_of
from tessera.commands.snapshots import snapshot_of, snapshot_option
from tessera.config import Config
from tessera.errors import UsageError


@click.command("import", short_help="Import label files, at the service.")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--format", "format_name", required=True, help="coco_panoptic, coco_instances …")
@click.option(
    "--labels",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder of label files, where a format keeps them apart.",
)
@click.option(
    "--images",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder of photographs.",
)
@click.option("--split", help="The split of all images.")
@click.option("--branch", help="Default: the branch of the working copy.")
@click.option("-m", "--message", help="What this is.")
@click.option(
    "--mode",
    type=click.Choice(["append", "update", "replace"]),
    default="append",
    show_default=True,
    help="What happens to images that are there already.",
)
@click.option("--class", "class_name", help="The class of all segments, in formats without one.")
@click.option(
    "--on-overlap",
    type=click.Choice(["small", "first", "last", "refuse"]),
    default="small",
    show_default=True,
)
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@dataset_option
@with_output
@with_config
def import_command(
    path: Path, dataset: str | None, output: Output, config: Config, **options: Any
) -> None:
    """Import label files into a dataset, at the service; `tessera pull` brings them here."""
    from tessera.importing import ImportFiles, import_files

    place = place_of(config, dataset)
    files = ImportFiles(path, options.pop("labels"), options.pop("images"))
    fields = {name: value for name, value in options.items() if value not in (None, False)}
    fields["format"] = fields.pop("format_name")
    if place.branch:
        fields.setdefault("branch", place.branch)
    with output.progress("importing") as progress:
        report = import_files(place.connection, place.slug, files, fields, progress=progress)
    _tell_import(output, report, dry_run=bool(options["dry_run"]))
    output.give(report)


@click.command("export", short_help="Write labels as files of a format.")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--format", "format_name", required=True, help="coco_panoptic, coco_instances …")
@click.option("--option", "pairs", multiple=True, metavar="NAME=VALUE", help="scheme=coco …")
@snapshot_option
@with_filter
@with_output
@with_config
def export_command(
    path: Path,
    format_name: str,
    pairs: tuple[str, ...],
    rev: str,
    words: str,
    output: Output,
    config: Config,
) -> None:
    """Write the labels of a version as files of a format, here and without the service."""
    from panoptic.formats.losses import tell_losses
    from panoptic.formats.options import parse_write_options
    from panoptic.formats.registry import get_format
    from tessera.exporting import export_snapshot

    label_format = get_format(format_name)
    options = parse_write_options(label_format, dict(_pair(pair) for pair in pairs))
    snapshot = snapshot_of(config, rev, words, labels_only=not options.photos, output=output)
    with output.progress("writing") as progress:
        report = export_snapshot(snapshot, path, label_format, options, progress=progress)
    output.say(f"{path}: {counted(report.images, 'image')}, {counted(report.segments, 'segment')}")
    if losses := tell_losses(report.lost):
        output.say(f"  what the format does not carry: {', '.join(losses)}", fg="yellow")
    for problem in report.problems[:20]:
        output.say(f"  {problem.image}: {problem.message}", fg="yellow")
    output.give(report.to_json())


def _tell_import(output: Output, report: dict[str, Any], *, dry_run: bool) -> None:
    images = report.get("images", {})
    counts = ", ".join(f"{count} {what}" for what, count in images.items())
    version = report.get("version")
    number = f"v{version['number']}: " if isinstance(version, dict) else ""
    output.say(f"{'would be: ' if dry_run else ''}{number}{counts}")
    for problem in report.get("problems", [])[:20]:
        output.say(f"  {problem.get('image') or problem.get('file')}: {problem['message']}")


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise UsageError(f"--option {text!r} is no NAME=VALUE")
    return name, value
