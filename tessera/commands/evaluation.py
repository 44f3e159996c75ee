"""Predictions measured against a version."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tessera.commands.options import with_config, with_filter, with_output
from tessera.commands.output import Output, counted
from tessera.commands.snapshots import snapshot_of, snapshot_option
from tessera.config import Config
from tessera.errors import UsageError


@click.command("eval", short_help="Measure predictions: PQ, SQ, RQ, mIoU.")
@click.argument("predictions", type=click.Path(exists=True, path_type=Path))
@click.option("--format", "format_name", default="coco_panoptic", show_default=True)
@click.option(
    "--labels",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder of label files, where it is not the JSON's path without .json.",
)
@snapshot_option
@with_filter
@with_output
@with_config
def eval_command(
    predictions: Path,
    format_name: str,
    labels: Path | None,
    rev: str,
    words: str,
    output: Output,
    config: Config,
) -> None:
    """Measure predictions: PQ, SQ, RQ and mIoU, by class."""
    from tessera.evaluating import evaluate

    snapshot = snapshot_of(config, rev, words, labels_only=True, output=output)
    if not len(snapshot):
        raise UsageError(f"{words or 'all'}: no image of v{snapshot.version['number']} is chosen")
    with output.progress("evaluating") as progress:
        found = evaluate(snapshot, predictions, format_name, labels=labels, progress=progress)
    document = found.to_json(snapshot.taxonomy)
    _tell(output, document)
    output.give({"version": dict(snapshot.version), **document})


def _tell(output: Output, document: dict[str, Any]) -> None:
    output.say(f"{'':<24}{'PQ':>7}{'SQ':>7}{'RQ':>7}{'classes':>9}")
    for name, part in document["quality"].items():
        row = "".join(f"{_percent(part[key]):>7}" for key in ("pq", "sq", "rq"))
        output.say(f"{name:<24}{row}{part['classes']:>9}", bold=True)
    output.say(f"mIoU {_percent(document['miou'])}, pixels {_percent(document['pixel_accuracy'])}")
    for one in document["classes"]:
        row = "".join(f"{_percent(one[key]):>7}" for key in ("pq", "sq", "rq"))
        output.say(f"  {one['class'][:21]:<22}{row}")
    output.say(f"{counted(document['images'], 'image')} measured")
    for key, told in (("missing", "without a prediction"), ("unknown", "not in the version")):
        if document[key]:
            output.say(f"  {counted(len(document[key]), 'image')} {told}", fg="yellow")
    for problem in document["problems"][:20]:
        output.say(f"  {problem['image']}: {problem['message']}", fg="yellow")


def _percent(ratio: float | None) -> str:
    return "–" if ratio is None else f"{100 * ratio:.1f}"
