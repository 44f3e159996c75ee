"""Commands that read a version: that of the working copy, or one that is named."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tessera.commands.output import Output
from tessera.config import Config

if TYPE_CHECKING:
    from tessera.snapshot import Snapshot

snapshot_option = click.option(
    "--rev",
    default="",
    help="The version: a revision of the working copy's dataset, or URL/SLUG@REV anywhere."
    " Default: the version that the working copy was made of.",
)


def snapshot_of(
    config: Config, rev: str, words: str, *, labels_only: bool, output: Output
) -> Snapshot:
    """Return the version that options name, pulled if need be.

    Raises
    ------
    NotFound
        There is no such version, or no working copy where one is needed.
    """
    from tessera.service import connect
    from tessera.working_copy import find_working_copy
    from tessera.working_copy.addresses import parse_address

    with output.progress("pulling") as progress:
        if "/" in rev and "://" in rev:
            address = parse_address(rev, config.url)
            dataset = connect(address.url, config=config).dataset(address.slug)
            return dataset.pull(
                address.rev or None, filter=words, labels_only=labels_only, progress=progress
            )
        copy = find_working_copy(Path.cwd(), config)
        if not rev and not words:
            # Has more than labels perhaps, and is there without the service.
            return copy.base(progress=progress)
        request = copy.request._replace(rev=rev or copy.origin.version)
        if words:
            request = request._replace(filter=words)
        return copy.pull(request._replace(labels_only=labels_only), progress=progress)
