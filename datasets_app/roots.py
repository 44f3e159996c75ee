"""What history keeps alive: every blob of every version that somebody can still name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from django.db import connection

from datasets_app.bulk import select_in
from datasets_app.entries import Entry
from datasets_app.errors import NodeDamaged
from datasets_app.models import Branch, DeletedBranch, Tag, TreeNode, Version, VersionParent
from datasets_app.node_bytes import FAN_OUT, leaf_entries, parse_node
from datasets_app.nodes import check_node
from datasets_app.numbering import names_of
from datasets_app.tree import ROOT_LEVEL
from store_app import upload_garbage
from store_app.roots import Reference, register_roots, register_sweeper

_AT_ONCE = 500


class Subtree(NamedTuple):
    """A node on the way down: its first image number is `prefix` · 64^(level + 1)."""

    digest: bytes
    level: int
    prefix: int


class Leaf(NamedTuple):
    """The entries of a leaf by image number, and the version in which it was met first."""

    version: Version
    entries: dict[int, Entry]


class Damage(NamedTuple):
    """A node that cannot be read, and the version in which it was met first."""

    version: Version
    digest: bytes
    reason: str


def register() -> None:
    """Tell the store what is in use, and how to check it."""
    from datasets_app import history_garbage
    from datasets_app.verification import check_history

    register_roots("datasets", iter_held_references, check_history)
    register_roots("uploads", upload_garbage.iter_references)
    history_garbage.register()
    register_sweeper("uploads", upload_garbage.sweep_uploads)


def iter_held_references() -> Iterator[Reference]:
    """Yield every blob of the versions that are there, living or not.

    A dead version can be named by its id until it is deleted, so that long it holds its blobs.
    """
    keys = Version.objects.order_by("pk").values_list("pk", flat=True)
    return iter_references(_versions(keys.iterator()))


def iter_references(versions: Iterable[Version] | None = None) -> Iterator[Reference]:
    """Yield every blob that a version names, by default a living one: image, label, attributes.

    Raises
    ------
    NodeDamaged
        Part of a tree cannot be read: nothing may be collected, for what is below it is
        not known.
    """
    for found in walk_trees(versions):
        if isinstance(found, Damage):
            raise NodeDamaged(found.digest.hex(), found.reason)
        names = names_of(found.version.dataset_id, found.entries)
        parent = f"{found.version.dataset.slug} v{found.version.number}"
        for image_no, entry in found.entries.items():
            name = names.get(image_no, f"image {image_no}")
            for part, digest in (
                ("image", entry.image),
                ("label", entry.label),
                ("attributes", entry.attributes),
            ):
                if digest is not None:
                    yield Reference(digest, parent, f"{name}: {part}")


def living_versions() -> Iterator[Version]:
    """Yield, oldest first, the versions below branches, tags and branches deleted lately."""
    return _versions(sorted(living_ids()))


def living_ids() -> set[int]:
    """Return the keys of the living versions."""
    seeds = {
        *Branch.objects.filter(head__isnull=False).values_list("head", flat=True),
        *Tag.objects.values_list("version", flat=True),
        *DeletedBranch.objects.still_kept().values_list("head", flat=True),
    }
    links = connection.ops.quote_name(VersionParent._meta.db_table)
    living: set[int] = set()
    with connection.cursor() as cursor:
        for seed in sorted(seeds, reverse=True):
            if seed in living:
                continue
            cursor.execute(
                "WITH RECURSIVE line(id) AS (SELECT CAST(%s AS bigint) UNION"
                f" SELECT p.parent_id FROM {links} p JOIN line ON p.version_id = line.id)"
                " SELECT id FROM line",
                [seed],
            )
            living.update(key for (key,) in cursor.fetchall())
    return living


def _versions(keys: Iterable[int]) -> Iterator[Version]:
    for key in keys:
        yield Version.objects.select_related("dataset", "taxonomy_version").get(pk=key)


def walk_trees(versions: Iterable[Version] | None = None) -> Iterator[Leaf | Damage]:
    """Yield every leaf of versions, by default the living ones, and every node that is damaged.

    A node that many versions share is read once: the cost is that of the first versions
    and of all changes. Memory: the digests of all nodes, about 100 bytes each.
    """
    met: set[tuple[int, bytes]] = set()
    for version in living_versions() if versions is None else versions:
        pending = [] if version.root is None else [Subtree(version.root, ROOT_LEVEL, 0)]
        while pending:
            # Names belong to a dataset, so that a leaf shared by two is met in both.
            batch = [
                subtree
                for subtree in pending[-_AT_ONCE:]
                if (version.dataset_id, subtree.digest) not in met
            ]
            del pending[-_AT_ONCE:]
            met.update((version.dataset_id, subtree.digest) for subtree in batch)
            found = {
                bytes(digest): bytes(data)
                for digest, data in select_in(
                    TreeNode,
                    ("digest", "data"),
                    "digest",
                    {subtree.digest for subtree in batch},
                )
            }
            for subtree in batch:
                try:
                    data = check_node(subtree.digest, found.get(subtree.digest))
                    if subtree.level == 0:
                        yield Leaf(version, _entries(subtree, data))
                    else:
                        pending.extend(_children(subtree, data))
                except NodeDamaged as damage:
                    yield Damage(version, subtree.digest, damage.reason)


def _entries(leaf: Subtree, data: bytes) -> dict[int, Entry]:
    return {
        leaf.prefix * FAN_OUT + place: entry
        for place, entry in leaf_entries(leaf.digest, data).items()
    }


def _children(parent: Subtree, data: bytes) -> list[Subtree]:
    places = parse_node(parent.digest, parent.level, data)
    return [
        Subtree(digest, parent.level - 1, parent.prefix * FAN_OUT + place)
        for place, digest in places.items()
    ]
