"""What lies at the service: datasets, versions, branches, tags, merges."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import click

from tessera.commands.options import with_config, with_output
from tessera.commands.output import Output, counted
from tessera.config import Config
from tessera.errors import NotFound
from tessera.http import Connection


class Place(NamedTuple):
    """A dataset at its service, the branch that one is on and the version that one has; "" and ""
    outside of a working copy, "" for the branch on none."""

    connection: Connection
    slug: str
    branch: str
    version: str

    @property
    def path(self) -> str:
        """The path of the dataset."""
        return f"/datasets/{self.slug}"


dataset_option = click.option(
    "--dataset", metavar="URL/SLUG", help="Default: that of the working copy one is in."
)


@click.command("datasets", short_help="List the datasets that you may see.")
@with_output
@with_config
def datasets_command(output: Output, config: Config) -> None:
    """List the datasets that you may see."""
    from tessera.service import connect

    rows = [dict(dataset.about) for dataset in connect(config=config).datasets()]
    output.columns(
        [(row["slug"], row["visibility"], row["role"] or "-", row["title"]) for row in rows]
    )
    output.give(rows)


@click.command("log", short_help="Tell the versions of a branch, newest first.")
@click.argument("rev", required=False)
@click.option("-n", "--number", type=click.IntRange(min=1), default=20, help="How many; 20.")
@dataset_option
@with_output
@with_config
def log_command(
    rev: str | None, number: int, dataset: str | None, output: Output, config: Config
) -> None:
    """Tell the versions of a branch, newest first; of a tag or version, itself and those before.

    Default: the branch that one is on.
    """
    place = place_of(config, dataset)
    versions = list(islice(_history(place, rev), number))
    for version in versions:
        output.say(f"v{version['number']}  {version['id'][:12]}", fg="yellow", nl=False)
        when = version["created_at"][:16].replace("T", " ")
        output.say(f"  {when}  {version['author']}  {counted(version['image_count'], 'image')}")
        output.say(f"    {version['message']}")
    output.give(versions)


@click.command("branch", short_help="List branches, make one, or delete one.")
@click.argument("name", required=False)
@click.argument("rev", required=False)
@click.option("-d", "--delete", is_flag=True, help="Delete the branch.")
@dataset_option
@with_output
@with_config
def branch_command(
    name: str | None,
    rev: str | None,
    delete: bool,
    dataset: str | None,
    output: Output,
    config: Config,
) -> None:
    """List branches, make one at REV, or delete one.

    Default: the version that the working copy was made of; outside of one the default branch.
    """
    place = place_of(config, dataset)
    if name is None:
        rows = list(place.connection.pages(f"{place.path}/branches/"))
        marked = ("*" if row["name"] == place.branch else " " for row in rows)
        heads = ((row["head"] or "no version")[:12] for row in rows)
        output.columns(
            [
                (f"{mark} {row['name']}", head)
                for mark, row, head in zip(marked, rows, heads, strict=True)
            ]
        )
        output.give(rows)
    elif delete:
        place.connection.delete(f"{place.path}/branches/{name}/")
        output.say(f"deleted {name}; it can be had back for 30 days")
        output.give({"deleted": name})
    else:
        at = _version_id(place, rev or place.version or _default_branch(place))
        made = place.connection.post(f"{place.path}/branches/", {"name": name, "head": at})
        output.say(f"{name} is at {at[:12]}; `tessera checkout {name}` goes there")
        output.give(made)


@click.command("tag", short_help="List tags, or name a version for good.")
@click.argument("name", required=False)
@click.argument("rev", required=False)
@click.option("-m", "--message", default="", help="What the tag is for.")
@dataset_option
@with_output
@with_config
def tag_command(
    name: str | None,
    rev: str | None,
    message: str,
    dataset: str | None,
    output: Output,
    config: Config,
) -> None:
    """List tags, or name a version for good.

    Default: the version that the working copy was made of; outside of one the default branch.
    """
    place = place_of(config, dataset)
    if name is None:
        rows = list(place.connection.pages(f"{place.path}/tags/"))
        output.columns([(row["name"], row["version"][:12], row["message"]) for row in rows])
        output.give(rows)
        return
    at = _version_id(place, rev or place.version or _default_branch(place))
    body = {"name": name, "version": at, "message": message}
    made = place.connection.post(f"{place.path}/tags/", body)
    output.say(f"{name} names {at[:12]}; manifest {made['manifest_sha256'][:12]}")
    output.give(made)


@click.command("merge", short_help="Merge a version into a branch, at the service.")
@click.argument("rev")
@click.option("--into", help="The branch to merge into; default: the one that one is on.")
@click.option("--strategy", type=click.Choice(["ours", "theirs"]), help="Who wins a conflict.")
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@dataset_option
@with_output
@with_config
def merge_command(
    rev: str,
    into: str | None,
    strategy: str | None,
    dry_run: bool,
    dataset: str | None,
    output: Output,
    config: Config,
) -> None:
    """Merge a version into a branch, at the service; then `tessera pull` brings it here."""
    place = place_of(config, dataset)
    branch = into or place.branch or _default_branch(place)
    path = f"{place.path}/branches/{branch}"
    if dry_run:
        preview = place.connection.get(f"{path}/merge-preview/", **{"from": rev})
        _tell_preview(output, preview)
        output.give(preview)
        return
    head = place.connection.get(f"{path}/")["head"]
    body: dict[str, Any] = {"from": rev, "expected_head": head}
    if strategy:
        body["strategy"] = strategy
    version = place.connection.post(f"{path}/merges/", body)
    output.say(f"merged {rev} into {branch}: v{version['number']}")
    output.give(version)


def _history(place: Place, rev: str | None) -> Iterator[dict[str, Any]]:
    """Yield the versions of a branch; those that lead to any other revision by first parents."""
    branch = rev or place.branch or _default_branch(place)
    try:
        yield from place.connection.pages(f"{place.path}/versions/", branch=branch)
        return
    except NotFound:
        version = place.connection.get(f"{place.path}/versions/{branch}/")
    yield version
    while version["parents"]:
        version = place.connection.get(f"{place.path}/versions/{version['parents'][0]}/")
        yield version


def _tell_preview(output: Output, preview: dict[str, Any]) -> None:
    conflicts = preview.get("conflicts", [])
    output.say("merges cleanly" if not conflicts else f"{counted(len(conflicts), 'conflict')}:")
    for conflict in conflicts:
        output.say(f"  {conflict['name'] or 'the classes'}: {conflict['field']}")
    counts = preview["images"]
    output.say(", ".join(f"{count} {what}" for what, count in counts.items()))


def place_of(config: Config, dataset: str | None) -> Place:
    """Return the dataset that an option names, else that of the working copy one is in."""
    from tessera.service import connect
    from tessera.working_copy import find_working_copy
    from tessera.working_copy.addresses import parse_address

    if dataset is not None:
        address = parse_address(dataset, config.url)
        return Place(connect(address.url, config=config).connection, address.slug, "", "")
    try:
        copy = find_working_copy(Path.cwd(), config)
    except NotFound as error:
        raise NotFound(f"{error.message}; or name a --dataset") from None
    origin = copy.origin
    return Place(copy.service.connection, origin.dataset, origin.branch, origin.version)


def _default_branch(place: Place) -> str:
    return str(place.connection.get(f"{place.path}/")["default_branch"])


def _version_id(place: Place, rev: str) -> str:
    return str(place.connection.get(f"{place.path}/versions/{rev}/")["id"])
