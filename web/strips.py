"""The first images of many versions at once, for the strips of pictures in lists."""

from __future__ import annotations

from collections.abc import Iterable

from datasets_app.node_bytes import FAN_OUT, leaf_entries, parse_node
from datasets_app.nodes import SqlNodes
from datasets_app.tree import ROOT_LEVEL, NodeStore


def first_images(
    roots: Iterable[bytes | None], count: int, nodes: NodeStore | None = None
) -> dict[bytes, list[int]]:
    """Return the numbers of up to `count` images of each tree that have something to show.

    Looks at the first leaf of each tree only: one query per level for all trees together.
    """
    nodes = nodes or SqlNodes()
    # For each tree: the node we are at and how many places of its level lie before it.
    at = {bytes(root): (bytes(root), 0) for root in roots if root is not None}
    for level in range(ROOT_LEVEL, 0, -1):
        data = nodes.read({digest for digest, _ in at.values()})
        for root, (digest, before) in at.items():
            place, child = min(parse_node(digest, level, data[digest]).items())
            at[root] = (child, before * FAN_OUT + place)
    data = nodes.read({digest for digest, _ in at.values()})
    return {
        root: [
            before * FAN_OUT + place
            for place, entry in leaf_entries(digest, data[digest]).items()
            if entry.image is not None or entry.label is not None
        ][:count]
        for root, (digest, before) in at.items()
    }
