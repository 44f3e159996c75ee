import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasets_app.entries import Entry, Status, decode_entry, encode_entry
from datasets_app.errors import NodeDamaged
from datasets_app.node_bytes import build_node
from datasets_app.nodes import MemoryNodes
from datasets_app.tree import (
    CAPACITY,
    diff_roots,
    get_entries,
    iter_entries,
    update_root,
)
from tests.datasets_app.builders import digest, entry
from tests.laws import examples

_digests = st.none() | st.binary(min_size=32, max_size=32)
_entries = st.builds(
    Entry,
    name_digest=st.binary(min_size=32, max_size=32),
    image=_digests,
    label=_digests,
    split=st.text(max_size=8),
    status=st.sampled_from(Status),
    attributes=_digests,
)
# Neighbours, and numbers that meet only at the root.
_numbers = st.integers(0, 200) | st.integers(0, CAPACITY - 1)
_trees = st.dictionaries(_numbers, _entries, max_size=30)


def grow(nodes, content, root=None):
    return update_root(nodes, root, sorted(content.items()))


@given(_entries)
def test_an_entry_reads_as_it_was_written(given_entry):
    assert decode_entry(encode_entry(given_entry)) == given_entry


@given(_entries, st.integers(0, 200))
def test_an_entry_that_was_cut_is_refused(given_entry, length):
    data = encode_entry(given_entry)
    with pytest.raises(NodeDamaged):
        decode_entry(data[: min(length, len(data) - 1)])


def test_a_digest_of_another_length_is_refused():
    with pytest.raises(ValueError, match="32 bytes"):
        encode_entry(Entry(digest("a"), image=b"short"))


def test_no_entries_have_no_root():
    assert grow(MemoryNodes(), {}) is None


@given(_trees)
def test_a_tree_holds_what_was_put_into_it(content):
    nodes = MemoryNodes()
    root = grow(nodes, content)
    assert dict(iter_entries(nodes, root)) == content
    assert get_entries(nodes, root, content) == content


@given(_trees, st.randoms(), st.integers(1, 7))
def test_the_order_of_edits_never_changes_a_root(content, random, size):
    nodes = MemoryNodes()
    order = list(content.items())
    random.shuffle(order)
    root = None
    for start in range(0, len(order), size):
        root = grow(nodes, dict(order[start : start + size]), root)
    assert root == grow(nodes, content)


@given(_trees, _trees)
def test_removing_what_was_added_gives_the_first_root_again(content, more):
    nodes = MemoryNodes()
    root = grow(nodes, content)
    grown = grow(nodes, {no: more[no] for no in more.keys() - content.keys()}, root)
    removed = [(no, None) for no in sorted(more.keys() - content.keys())]
    assert update_root(nodes, grown, removed) == root


@given(_trees, st.integers(1, 5))
def test_small_batches_give_the_same_root(content, batch):
    nodes = MemoryNodes()
    assert update_root(nodes, None, sorted(content.items()), batch=batch) == grow(nodes, content)


@given(_trees, _trees)
def test_a_diff_applied_to_the_old_tree_gives_the_new_one(old, new):
    nodes = MemoryNodes()
    old_root, new_root = grow(nodes, old), grow(nodes, new)
    changes = list(diff_roots(nodes, old_root, new_root))
    assert update_root(nodes, old_root, ((no, after) for no, _, after in changes)) == new_root
    assert [~change for change in changes] == list(diff_roots(nodes, new_root, old_root))


@given(_trees, _trees, _numbers, st.integers(1, 3))
def test_a_diff_goes_on_after_any_number(old, new, after, window):
    nodes = MemoryNodes()
    roots = grow(nodes, old), grow(nodes, new)
    assert list(diff_roots(nodes, *roots, after=after, window=window)) == [
        change for change in diff_roots(nodes, *roots) if change.image_no > after
    ]


@pytest.mark.parametrize(("after", "found"), [(61, [63, 64]), (62, [63, 64]), (63, [64]), (64, [])])
def test_reading_goes_on_at_the_edge_of_a_leaf(after, found):
    nodes = MemoryNodes()
    root = grow(nodes, {63: entry("a"), 64: entry("b")})
    assert [no for no, _ in iter_entries(nodes, root, after=after)] == found


def test_numbers_must_ascend():
    with pytest.raises(ValueError, match="image number 3 after 3"):
        update_root(MemoryNodes(), None, [(3, entry()), (3, entry())])


def test_the_tree_has_room_for_2_to_the_30_numbers():
    nodes = MemoryNodes()
    last = CAPACITY - 1
    root = update_root(nodes, None, [(0, entry("first")), (last, entry("last"))])
    assert [no for no, _ in iter_entries(nodes, root)] == [0, 2**30 - 1]
    with pytest.raises(ValueError, match="image number"):
        update_root(nodes, root, [(CAPACITY, entry())])


def test_a_node_that_was_altered_is_refused():
    nodes = MemoryNodes()
    root = grow(nodes, {7: entry("a", split="val")})
    leaf = next(key for key, data in nodes.data.items() if data[1] == 0)
    nodes.data[leaf] = nodes.data[leaf].replace(b"val", b"tra")
    with pytest.raises(NodeDamaged, match="altered"):
        get_entries(nodes, root, [7])


def test_a_node_that_is_missing_is_named():
    nodes = MemoryNodes()
    root = grow(nodes, {7: entry()})
    del nodes.data[root]
    with pytest.raises(NodeDamaged, match=root.hex()[:12]):
        get_entries(nodes, root, [7])


@examples(50)
@given(_trees.filter(bool), st.data())
def test_a_node_with_a_right_digest_and_wrong_bytes_is_refused(content, data):
    nodes = MemoryNodes()
    grow(nodes, content)
    node = data.draw(st.sampled_from(sorted(nodes.data.values())))
    cut = node[: data.draw(st.integers(0, len(node) - 1))]
    other = MemoryNodes()
    key = hashlib.sha256(cut).digest()
    other.data[key] = cut
    with pytest.raises(NodeDamaged):
        list(iter_entries(other, key))


# ---- cost -------------------------------------------------------------------


def synthetic(count):
    """Entries of `count` images that all differ."""
    for number in range(count):
        name = number.to_bytes(32, "big")
        yield number, Entry(name, image=name, label=name, split="train", status=Status.LABELLED)


def edits(count, images):
    """Spread over all images."""
    step = images // count
    return [(n * step, entry(f"edit {n}")) for n in range(count)]


@pytest.mark.parametrize("images", [1_000, 10_000, 100_000])
def test_a_diff_reads_nodes_in_proportion_to_its_changes(images):
    nodes = MemoryNodes()
    root = update_root(nodes, None, synthetic(images))
    edited = update_root(nodes, root, edits(10, images))
    nodes.reads = nodes.queries = 0
    assert len(list(diff_roots(nodes, root, edited))) == 10
    # Both sides of at most 10 paths of 5 nodes; one query per level.
    assert nodes.reads <= 2 * 10 * 5
    assert nodes.queries == 5


@pytest.mark.parametrize("images", [1_000, 10_000, 100_000])
def test_an_update_reads_and_writes_nodes_in_proportion_to_its_changes(images):
    nodes = MemoryNodes()
    root = update_root(nodes, None, synthetic(images))
    nodes.reads = nodes.queries = nodes.writes = 0
    update_root(nodes, root, edits(10, images))
    assert nodes.reads <= 10 * 5
    assert nodes.writes <= 10 * 5
    assert nodes.queries == 5


# ---- bytes that stand in databases ------------------------------------------


def test_the_bytes_of_an_entry_are_those_of_the_format():
    written = encode_entry(
        Entry(
            bytes([1] * 32),
            image=bytes([2] * 32),
            label=bytes([3] * 32),
            split="val",
            status=Status.REVIEWED,
            attributes=bytes([4] * 32),
        )
    )
    expected = "070303" + "01" * 32 + "76616c" + "02" * 32 + "03" * 32 + "04" * 32
    assert written.hex() == expected


def test_the_bytes_of_nodes_are_those_of_the_format():
    bare = Entry(bytes([1] * 32))
    leaf = build_node(0, {0: encode_entry(bare), 63: encode_entry(bare)})
    assert leaf.data.hex() == "0100" + "0100000000000080" + ("000000" + "01" * 32) * 2
    above = build_node(1, {2: leaf.digest})
    assert above.data == bytes.fromhex("0101" + "0400000000000000") + leaf.digest
    assert above.digest == hashlib.sha256(above.data).digest()


def test_the_root_of_a_small_tree_stays():
    nodes = MemoryNodes()
    root = update_root(
        nodes,
        None,
        [
            (1, Entry(digest("a.png"), label=digest("label"), status=Status.LABELLED)),
            (100, Entry(digest("b.png"), split="train")),
        ],
    )
    assert root.hex() == ("6913dda9781023adfacd7127c13535a616d91d1b8252c1c8bcdd02176c9a54b1")
