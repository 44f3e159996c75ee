from __future__ import annotations

from datasets_app.nodes import MemoryNodes
from datasets_app.tree import update_root
from tests.datasets_app.builders import entry
from web.strips import first_images


def tree(nodes: MemoryNodes, numbers: list[int], **fields: str) -> bytes | None:
    return update_root(nodes, None, [(number, entry(f"{number}", **fields)) for number in numbers])


def test_the_first_images_of_every_tree_are_found_at_once() -> None:
    nodes = MemoryNodes()
    near = tree(nodes, [1, 2, 5, 6], image="x")
    far = tree(nodes, [70_000, 70_001], label="y")
    nodes.queries = 0
    found = first_images([near, far], 3, nodes)
    assert found == {near: [1, 2, 5], far: [70_000, 70_001]}
    assert nodes.queries == 5


def test_an_empty_version_has_no_images() -> None:
    assert first_images([None], 3, MemoryNodes()) == {}


def test_images_with_nothing_to_show_are_left_out() -> None:
    nodes = MemoryNodes()
    root = tree(nodes, [1, 2])
    assert first_images([root], 3, nodes) == {root: []}
