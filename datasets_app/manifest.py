"""The portable manifest of a version: what anyone can recompute (docs/formats/manifest.md)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from datasets_app.bulk import batched
from datasets_app.entries import Entry
from datasets_app.models import Image, Version
from datasets_app.nodes import SqlNodes
from datasets_app.tree import NodeStore, get_entries

FORM = 1
# Names come in the order of their bytes, entries lie in the order of numbers. In the worst
# case each batch reads the whole tree, so batches are large; 50,000 entries take 25 MB.
_BATCH = 50_000


def iter_manifest(version: Version, nodes: NodeStore | None = None) -> Iterator[bytes]:
    """Yield the lines of the manifest, each with its end; memory does not grow with images."""
    yield header_line(bytes(version.taxonomy_version.digest))
    for batch in iter_named_entries(version, nodes):
        for name, entry in batch:
            yield image_line(name, entry)


def iter_named_entries(
    version: Version, nodes: NodeStore | None = None
) -> Iterator[list[tuple[str, Entry]]]:
    """Yield the images of a version as (name, entry), sorted by name, in bounded lists."""
    nodes = nodes or SqlNodes()
    names = (
        Image.objects.filter(dataset=version.dataset_id)
        .order_by("name")
        .values_list("name", "image_no")
        .iterator(chunk_size=2_000)
    )
    for batch in batched(names, _BATCH):
        entries = get_entries(nodes, version.root, [image_no for _, image_no in batch])
        yield [(name, entries[image_no]) for name, image_no in batch if image_no in entries]


def manifest_sha256(version: Version, nodes: NodeStore | None = None) -> bytes:
    """Return the digest of the manifest; reads the whole version."""
    digest = hashlib.sha256()
    for line in iter_manifest(version, nodes):
        digest.update(line)
    return digest.digest()


def header_line(taxonomy_digest: bytes) -> bytes:
    """Return the first line."""
    return f"tessera-manifest\t{FORM}\ttaxonomy\t{taxonomy_digest.hex()}\n".encode()


def image_line(name: str, entry: Entry) -> bytes:
    """Return the line of one image. Names and splits contain no control characters."""
    fields = (
        name,
        _hex(entry.image),
        _hex(entry.label),
        entry.split,
        entry.status,
        _hex(entry.attributes),
    )
    return ("\t".join(fields) + "\n").encode()


def _hex(digest: bytes | None) -> str:
    return "-" if digest is None else digest.hex()
