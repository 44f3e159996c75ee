"""Working copies: clone, pull, status, diff, push, checkout, restore."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tessera.commands.options import here, with_config, with_filter, with_output
from tessera.commands.output import Output, counted, human_bytes
from tessera.config import Config
from tessera.errors import UsageError

if TYPE_CHECKING:
    from tessera.working_copy import Scan
    from tessera.working_copy.erased import ErasedPart
    from tessera.working_copy.syncing import Synced

_MOST_ERASED = 20
_SIGNS = {"added": "A", "removed": "D", "changed": "M"}


@click.command("clone", short_help="Make a folder of a version.")
@click.argument("address", metavar="URL/SLUG[@REV]")
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option("--labels-only", is_flag=True, help="Leave the photographs where they are.")
@with_filter
@with_output
@with_config
def clone_command(
    address: str,
    folder: Path | None,
    labels_only: bool,
    words: str,
    output: Output,
    config: Config,
) -> None:
    """Make a folder of a version: photographs, PNGs, one JSON.

    The address is that of the dataset's page, or its slug alone for the service that one is
    signed in to; `@v12`, `@main` or a tag name a version.
    """
    from tessera.pulling import PullRequest
    from tessera.service import connect
    from tessera.working_copy import clone
    from tessera.working_copy.addresses import parse_address
    from tessera.working_copy.erased import erased_parts

    where = parse_address(address, config.url)
    service = connect(where.url, config=config)
    rev = where.rev or service.dataset(where.slug).default_branch
    target = folder or Path(where.slug)
    request = PullRequest(where.slug, rev, words, labels_only)
    with output.progress("pulling") as pulling, output.progress("writing") as writing:
        copy = clone(service, target, request, progress=pulling, writing=writing)
    snapshot = copy.base()
    output.say(f"{target}: {where.slug} v{snapshot.version['number']}, {_images(len(snapshot))}")
    erased = erased_parts(snapshot)
    _tell_erased(output, erased)
    output.give(
        {
            "folder": str(target),
            "version": dict(snapshot.version),
            "images": len(snapshot),
            "erased": [part._asdict() for part in erased],
        }
    )


@click.command("pull", short_help="Bring the folder to the head of its branch.")
@with_output
@with_config
def pull_command(output: Output, config: Config) -> None:
    """Bring the working copy to the head of its branch; what was edited stays."""
    from tessera.working_copy.syncing import pull_copy

    with output.progress("pulling") as progress:
        synced = pull_copy(here(config), progress=progress)
    _tell_synced(output, synced)


@click.command("checkout", short_help="Bring the folder to a branch, tag or version.")
@click.argument("rev")
@with_output
@with_config
def checkout_command(rev: str, output: Output, config: Config) -> None:
    """Bring the working copy to a branch, tag or version; what was edited stays."""
    from tessera.working_copy.syncing import checkout

    with output.progress("pulling") as progress:
        synced = checkout(here(config), rev, progress=progress)
    _tell_synced(output, synced)


@click.command("status", short_help="Tell what was edited.")
@with_output
@with_config
def status_command(output: Output, config: Config) -> None:
    """Tell which images were edited, and how many segments of them."""
    from tessera.working_copy import scan
    from tessera.working_copy.comparing import summaries
    from tessera.working_copy.erased import erased_parts

    copy = here(config)
    base = copy.base()
    with output.progress("looking") as progress:
        found = scan(copy, base, progress=progress)
    rows = summaries(base, found.changes)
    branch = copy.origin.branch or "no branch"
    output.say(f"{copy.origin.dataset}, {branch}, at v{base.version['number']}")
    for row in rows:
        output.say(f"  {_SIGNS[row['kind']]}  {row['name']}  {_told(row)}")
    _tell_problems(output, found)
    if found.is_clean:
        output.say("nothing was edited")
    erased = erased_parts(base)
    _tell_erased(output, erased)
    output.give(
        {
            "dataset": copy.origin.dataset,
            "branch": copy.origin.branch,
            "version": dict(base.version),
            "images": rows,
            "problems": [problem._asdict() for problem in found.problems],
            "erased": [part._asdict() for part in erased],
        }
    )


@click.command("diff", short_help="Tell changes segment by segment.")
@click.argument("old", required=False)
@click.argument("new", required=False)
@click.option("--image", "images", multiple=True, help="Only this image.")
@click.option("--stat", is_flag=True, help="Only numbers, not each segment.")
@with_output
@with_config
def diff_command(
    old: str | None,
    new: str | None,
    images: tuple[str, ...],
    stat: bool,
    output: Output,
    config: Config,
) -> None:
    """Tell changes segment by segment: of the files, or between two versions.

    Without OLD: the files against the version they were made of. OLD alone: that version against
    it. OLD and NEW: two versions.
    """
    from tessera.working_copy.comparing import details
    from tessera.working_copy.syncing import compare

    copy = here(config)
    with output.progress("comparing") as progress:
        sides = compare(copy, old, new, progress=progress)
    rows = [
        row
        for row in details(sides.base, sides.changes, sides.target)
        if not images or row["name"] in images
    ]
    for row in rows:
        output.say(f"{_SIGNS[row['kind']]}  {row['name']}  {_told(row)}", bold=True)
        for segment in () if stat else row["segments"]:
            output.say(f"     {_segment_words(segment)}")
    _tell_problems(output, sides)
    if not rows:
        output.say("no difference")
    output.give({"images": rows, "problems": [each._asdict() for each in sides.problems]})


@click.command("push", short_help="Make a version of what was edited.")
@click.option("-m", "--message", required=True, help="What was changed, and why.")
@click.option("--rebase", is_flag=True, help="Where the branch moved, pull first and try again.")
@click.option("--dry-run", is_flag=True, help="Say what would be pushed.")
@with_output
@with_config
def push_command(message: str, rebase: bool, dry_run: bool, output: Output, config: Config) -> None:
    """Make a version of what was edited."""
    from tessera.working_copy.syncing import push_copy

    copy = here(config)
    with output.progress("pushing") as progress:
        done = push_copy(copy, message, rebase=rebase, dry_run=dry_run, progress=progress)
    verb = "would push" if dry_run else "pushed"
    where = "" if done.version is None else f": v{done.version['number']} on {copy.origin.branch}"
    sent = (
        "" if dry_run else f" ({counted(done.objects, 'object')}, {human_bytes(done.sent_bytes)})"
    )
    output.say(f"{verb} {_images(len(done.images))}{where}{sent}")
    output.give(done._asdict())


@click.command("restore", short_help="Undo edits.")
@click.argument("names", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All that was edited.")
@with_output
@with_config
def restore_command(
    names: tuple[str, ...], everything: bool, output: Output, config: Config
) -> None:
    """Undo edits: write images as the version has them. New images are deleted."""
    from tessera.working_copy.syncing import restore_copy

    if bool(names) == everything:
        raise UsageError("name images, or say --all")
    restored = restore_copy(here(config), None if everything else names)
    output.say(f"restored {_images(len(restored))}")
    output.give({"restored": restored})


def _tell_synced(output: Output, synced: Synced) -> None:
    number = synced.version["number"]
    if synced.is_same:
        output.say(f"already at v{number}")
    else:
        output.say(
            f"now at v{number}: {_images(len(synced.changed))} written,"
            f" {len(synced.removed)} removed"
        )
    if synced.kept:
        output.say(f"  {_images(len(synced.kept))} edited here: kept")
    _tell_erased(output, synced.erased)
    output.give(synced._asdict() | {"erased": [part._asdict() for part in synced.erased]})


def _tell_erased(output: Output, parts: Sequence[ErasedPart]) -> None:
    for part in parts[:_MOST_ERASED]:
        output.say(f"  x  {part.name}: {part.message}")
    if len(parts) > _MOST_ERASED:
        output.say(f"  x  and {len(parts) - _MOST_ERASED} more: `--json` lists them")


def _tell_problems(output: Output, found: Scan | Any) -> None:
    for problem in found.problems:
        where = ": ".join(filter(None, (problem.image or problem.file, problem.message)))
        output.say(f"  !  {where}", fg="yellow")


def _told(row: dict[str, Any]) -> str:
    counts = row["counts"]
    words = [f"{count} {kind}" for kind, count in counts.items() if count]
    others = [facet for facet in row["facets"] if facet != "label"]
    if "label" in row["facets"] and not words:
        words = ["label"]
    return ", ".join([*words, *others])


def _segment_words(segment: dict[str, Any]) -> str:
    """Return `reshaped  car 7  IoU 0.934  120 pixels`."""
    sides = [side for side in (segment["old"], segment["new"]) if side]
    names = " → ".join(
        dict.fromkeys(", ".join(f"{one['class']} {one['id']}" for one in side) for side in sides)
    )
    # Rounded down: what was reshaped has never an IoU of 1.
    iou = "" if segment["iou"] is None else f"  IoU {floor(segment['iou'] * 1000) / 1000:.3f}"
    return f"{segment['kind']:<13}{names}{iou}  {counted(segment['changed_pixels'], 'pixel')}"


def _images(count: int) -> str:
    return counted(count, "image")
