"""Is history whole? What `verify` asks of this app, by level."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from datasets_app.models import VersionParent
from datasets_app.numbering import names_of
from datasets_app.roots import Damage, Leaf, living_versions, walk_trees
from datasets_app.version_id import content_digest, version_digest
from store_app.roots import Finding


def check_history(level: str) -> Iterator[Finding]:
    """Yield what is wrong with the living versions.

    refs
        The ids of versions are those of what they say.
    tree, data
        Besides, every node of every tree is there and unaltered, and names its images.
    """
    yield from _check_versions()
    if level == "refs":
        return
    for found in walk_trees():
        if isinstance(found, Damage):
            yield Finding(
                "node_damaged",
                f"tree node {found.reason}",
                object=found.digest.hex(),
                parent=_parent(found),
            )
        else:
            yield from _check_names(found)


def _check_versions() -> Iterator[Finding]:
    for version in living_versions():
        taxonomy = bytes(version.taxonomy_version.digest)
        parents = (
            VersionParent.objects.filter(version=version)
            .order_by("position")
            .values_list("parent__version_id", flat=True)
        )
        expected = version_digest(
            root=version.root,
            taxonomy=taxonomy,
            parents=list(parents),
            author=version.author_name,
            created_at=version.created_at,
            message=version.message,
        )
        content = content_digest(root=version.root, taxonomy=taxonomy)
        if (expected, content) != (version.version_id, version.content_digest):
            yield Finding(
                "version_altered",
                "the version is not what its id says",
                object=version.id_hex,
                parent=f"{version.dataset.slug} v{version.number}",
            )


def _check_names(leaf: Leaf) -> Iterator[Finding]:
    names = names_of(leaf.version.dataset_id, leaf.entries)
    for image_no, entry in leaf.entries.items():
        name = names.get(image_no)
        if name is None or hashlib.sha256(name.encode()).digest() != entry.name_digest:
            yield Finding(
                "name_altered",
                f"image {image_no} is not called {name!r}"
                if name
                else f"image {image_no} has no name",
                parent=_parent(leaf),
                path=name or "",
            )


def _parent(found: Leaf | Damage) -> str:
    return f"{found.version.dataset.slug} v{found.version.number}"
