from __future__ import annotations

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from panoptic.canonical_json import dump_canonical, load_canonical
from panoptic.errors import MalformedLabel
from tests.panoptic.twins import law

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.floats(-1e15, 1e15),
    st.sampled_from([1e-4, 9.999e-5, 1e-7, 0.1 + 0.2, 1.0, -0.0, 5e-324, 1e300, 123456.789]),
    TEXTS,
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@law
@given(VALUES)
def test_every_value_is_written_as_the_reference_writes_it(value):
    assert dump_canonical(value) == rfc8785.dumps(value)


@law
@given(VALUES)
def test_load_reads_what_dump_writes_and_nothing_else(value):
    encoded = dump_canonical(value)
    assert dump_canonical(load_canonical(encoded)) == encoded
    with pytest.raises(MalformedLabel):
        load_canonical(encoded + b" ")


@pytest.mark.parametrize(
    "encoded",
    [b"1.0", b"1e2", b"0.00001e1", b'"\\u00e9"', b'{"b":1,"a":1}', b'{"a":1,"a":1}', b"", b"-0"],
)
def test_other_forms_of_a_value_are_refused(encoded):
    with pytest.raises(MalformedLabel):
        load_canonical(encoded)


@pytest.mark.parametrize("value", [2**53, -(2**53), 1e20, float("nan"), (1, {2}), b"", "\udc00"])
def test_values_that_no_reader_could_take_are_refused(value):
    with pytest.raises(MalformedLabel):
        dump_canonical(value)
