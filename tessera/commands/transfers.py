"""Label files in and out: an import is a version on the service, an export is files here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tessera.commands.options import with_config, with_filter, with_output
from tessera.commands.output import Output, counted, problem_line
from tessera.commands.remote import dataset_option, place_of
from tessera.commands.snapshots import snapshot_of, snapshot_option
from tessera.config import Config
from tessera.errors import UsageError

_MOST_PROBLEMS = 20


@click.command("import", short_help="Import label files, at the service.")
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--format",
    "format_name",
    default="auto",
    show_default=True,
    help="coco_panoptic, cityscapes …; auto: the one that the files look like.",
)
@click.option("--inside", default="", help="Where in the folder or archive they lie.")
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    help="The folder of label files, where a format keeps them apart.",
)
@click.option("--images", type=click.Path(path_type=Path), help="The folder of photographs.")
@click.option("--classes", type=click.Path(path_type=Path), help="A table of the classes.")
@click.option("--option", "pairs", multiple=True, metavar="NAME=VALUE", help="Of the format.")
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
    path: Path,
    dataset: str | None,
    pairs: tuple[str, ...],
    output: Output,
    config: Config,
    **options: Any,
) -> None:
    """Import label files into a dataset, at the service; `tessera pull` brings them here.

    PATH is a file or folder, or a zip or tar of them; then --labels, --images and --classes are
    inside of it.
    """
    from tessera.importing import ImportFiles, import_files

    place = place_of(config, dataset)
    apart = {name: options.pop(name) for name in ("labels", "images", "classes")}
    files = ImportFiles(path, options.pop("inside"), **apart)
    fields = {name: value for name, value in options.items() if value not in (None, False)}
    fields["format"] = fields.pop("format_name")
    if pairs:
        fields["options"] = dict(_pair(pair) for pair in pairs)
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
    """Write the labels of a version as files of a format, here and without the service.

    A PATH that ends in .zip or .tar becomes an archive.
    """
    from panoptic.formats.losses import tell_losses
    from panoptic.formats.options import parse_write_options
    from panoptic.formats.recognition import get_writable
    from tessera.exporting import export_snapshot

    label_format = get_writable(format_name)
    options = parse_write_options(label_format, dict(_pair(pair) for pair in pairs))
    snapshot = snapshot_of(config, rev, words, labels_only=not options.photos, output=output)
    with output.progress("writing") as progress:
        report = export_snapshot(snapshot, path, label_format, options, progress=progress)
    output.say(f"{path}: {counted(report.images, 'image')}, {counted(report.segments, 'segment')}")
    if losses := tell_losses(report.lost):
        output.say(f"  what the format does not carry: {', '.join(losses)}", fg="yellow")
    _tell_problems(output, [problem._asdict() for problem in report.problems], fg="yellow")
    output.give(report.to_json())


def _tell_import(output: Output, report: dict[str, Any], *, dry_run: bool) -> None:
    images = report.get("images", {})
    counts = ", ".join(f"{count} {what}" for what, count in images.items())
    version = report.get("version")
    number = f"v{version['number']}: " if isinstance(version, dict) else ""
    if report.get("reason"):
        output.say(f"reads {report['path']} as {report['format']}: {report['reason']}")
    output.say(f"{'would be: ' if dry_run else ''}{number}{counts}")
    problems = report.get("problems", [])
    _tell_problems(output, problems)
    if dry_run and any(problem.get("severity") == "error" for problem in problems):
        output.say("the import would be refused", fg="red")


def _tell_problems(output: Output, problems: list[dict[str, Any]], **style: Any) -> None:
    for problem in problems[:_MOST_PROBLEMS]:
        output.say(f"  {problem_line(problem)}", **style)
    if len(problems) > _MOST_PROBLEMS:
        output.say(f"  and {len(problems) - _MOST_PROBLEMS} more; --json lists them", **style)


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise UsageError(f"--option {text!r} is no NAME=VALUE")
    return name, value
