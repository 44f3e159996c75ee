"""Entries as columns: saved and opened, changed, found, and damaged."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tessera.entries import (
    STATUSES,
    Entry,
    change_facts,
    changed_table,
    find_damage,
    load_entries,
    table_of,
)
from tests.laws import examples
from tests.tessera.builders import entry, flip

NAMES = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=6
)
DIGESTS = st.none() | st.binary(min_size=32, max_size=32).filter(any)


@st.composite
def entries(draw, most=12):
    """Entries with names of their own."""
    return {
        name: Entry(
            name,
            draw(st.integers(0, 2**40)),
            *(draw(DIGESTS) for _ in range(3)),
            draw(st.sampled_from(["", "train", "val", "ä"])),
            draw(st.sampled_from(STATUSES)),
            *draw(st.tuples(st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1))),
        )
        for name in draw(st.lists(NAMES, unique=True, max_size=most))
    }


def columns(table):
    """All that a table is made of, to be compared."""
    return {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in vars(table).items()
    }


@examples(25)
@given(entries())
def test_a_table_holds_the_entries_by_the_bytes_of_their_names(given_):
    table = table_of(given_.values())
    assert list(table) == sorted(given_.values(), key=lambda one: one.name.encode())
    assert [table[place] for place in range(len(table))] == list(table)


@examples(20)
@given(entries())
def test_what_was_saved_is_opened(tmp_path_factory, given_):
    folder = tmp_path_factory.mktemp("tables") / "one"
    table = table_of(given_.values())
    table.save(folder, {"version": "ä"})
    opened, facts = load_entries(folder)
    assert columns(opened) == columns(table)
    assert facts == {"version": "ä"}
    assert list(find_damage(folder)) == []


@examples(50)
@given(entries(8), entries(5), st.data())
def test_a_changed_table_is_the_table_of_the_result(old, changed, data):
    removed = data.draw(st.lists(st.sampled_from([*old, "unknown"]), max_size=5))
    result = {name: one for name, one in old.items() if name not in removed} | changed
    found = changed_table(table_of(old.values()), changed, removed)
    assert columns(found) == columns(table_of(result.values()))


@examples(25)
@given(entries(), NAMES)
def test_an_image_is_found_by_its_name(given_, name):
    table = table_of(given_.values())
    place = table.find(name)
    assert (None if place is None else table[place]) == given_.get(name)


def test_digests_are_named_once():
    table = table_of([entry("a", label="x", image="p"), entry("b", label="x"), entry("c")])
    assert table.digests(["labels"]) == [table[0].label]
    assert set(table.digests(["labels", "images"])) == {table[0].label, table[0].image}


def test_a_table_of_another_form_is_refused(tmp_path):
    table_of([entry("a")]).save(tmp_path / "one", {})
    path = tmp_path / "one" / "entries.json"
    path.write_text(path.read_text().replace('"form": 1', '"form": 2'))
    with pytest.raises(ValueError, match="form 2, this client reads 1"):
        load_entries(tmp_path / "one")


def test_facts_may_change_and_columns_stay(tmp_path):
    table_of([entry("a", label="x")]).save(tmp_path / "one", {"erased": []})
    change_facts(tmp_path / "one", {"erased": ["ab"]})
    table, facts = load_entries(tmp_path / "one")
    assert (table[0].name, facts) == ("a", {"erased": ["ab"]})
    assert list(find_damage(tmp_path / "one")) == []


@examples(40)
@given(st.data())
def test_every_flipped_bit_of_a_saved_table_is_found_and_its_file_named(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("tables") / "one"
    table_of([entry("a", label="x", split="val"), entry("b", 7)]).save(folder, {"n": 1})
    path = data.draw(st.sampled_from(sorted(folder.iterdir())))
    flip(path, data.draw(st.integers(0, 8 * path.stat().st_size - 1)))
    assert path.name in list(find_damage(folder))


def test_a_large_table_is_changed_without_making_its_entries():
    names = [f"{n:06d}.jpg" for n in range(20_000)]
    old = table_of(Entry(name, n) for n, name in enumerate(names))
    tracemalloc.start()
    found = changed_table(old, {"x.jpg": entry("x.jpg")}, ["000007.jpg"])
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(found) == len(old)
    assert most < 4 * sum(
        column.nbytes for column in vars(old).values() if hasattr(column, "nbytes")
    )
