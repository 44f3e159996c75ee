"""Reading and writing JSON arrays element by element."""

from __future__ import annotations

import io
import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panoptic.errors import MalformedFile
from panoptic.formats.json_stream import encode_json, iter_arrays, write_object

NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(st.characters(codec="utf-8"), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab[{", max_size=3), inner),
    max_leaves=8,
)


def test_elements_of_several_arrays_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    file = _file(tmp_path, b'{"b": [1, {"x": [2]}], "other": [[9]], "a": ["text"], "c": 3}')
    assert list(iter_arrays(file, ("a", "b"))) == [("b", 1), ("b", {"x": [2]}), ("a", "text")]


@settings(deadline=None)
@given(elements=st.lists(VALUES, max_size=4))
def test_elements_are_what_the_standard_library_reads(
    elements: list[Any], tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.getbasetemp() / "elements.json"
    file.write_bytes(json.dumps({"skipped": elements, "a": elements}).encode())
    assert [element for _, element in iter_arrays(file, ("a",))] == elements


def test_a_truncated_file_names_the_byte_where_it_ends(tmp_path: Path) -> None:
    file = _file(tmp_path, b'{"a": [1, 2')
    with pytest.raises(MalformedFile, match=r"file\.json: truncated.* at byte 11"):
        list(iter_arrays(file, ("a",)))


def test_a_fault_far_inside_a_file_names_its_byte(tmp_path: Path) -> None:
    good = b'{"a": [' + b"1, " * 50_000
    file = _file(tmp_path, good + b"}")
    with pytest.raises(MalformedFile, match=f"no JSON at byte {len(good)}"):
        list(iter_arrays(file, ("a",)))


def test_elements_before_a_fault_are_told(tmp_path: Path) -> None:
    arrays = iter_arrays(_file(tmp_path, b'{"a": [1' + b" " * 100_000 + b", }"), ("a",))
    assert next(arrays) == ("a", 1)
    with pytest.raises(MalformedFile):
        next(arrays)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"[1]", "no JSON object"),
        (b"3", "no JSON object"),
        (b'{"a": {"item": 1}}', "'a' is no list"),
        (b'{"a": []} x', "no JSON at byte 10"),
        (b'{"a": [NaN]}', "no JSON at byte 7"),
        (b'{"a": ["\xff"]}', "no JSON at byte"),
        (b'{"a": [123456789012345678901234567890]}', "integer overflow"),
        (b"\x89PNG\r\n", "no JSON at byte 0"),
    ],
)
def test_other_content_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(MalformedFile, match=reason):
        list(iter_arrays(_file(tmp_path, content), ("a",)))


@pytest.mark.parametrize("bracket", [b"[", b'{"a":'])
def test_deep_nesting_is_refused_before_it_takes_memory(tmp_path: Path, bracket: bytes) -> None:
    file = _file(tmp_path, b'{"a": [' + bracket * 200_000)
    with pytest.raises(MalformedFile, match="nested deeper than 64"):
        list(iter_arrays(file, ("a",)))


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        element = {"id": 1, "counts": [1.5] * 20, "name": "x" * 50}
        file = _file(tmp_path, json.dumps({"skip": [element] * count, "a": [element] * count}))
        tracemalloc.start()
        assert sum(1 for _ in iter_arrays(file, ("a",))) == count
        _, top = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return top

    assert peak(4000) < 1.5 * peak(400)


def test_an_object_is_written_with_its_arrays_streamed() -> None:
    file = io.BytesIO()
    write_object(file, {"info": {"é": 1}, "a": iter([b"1", b'{"x":2}']), "none": iter([])})
    assert file.getvalue().decode() == '{\n"info":{"é":1},\n"a":[\n1,\n{"x":2}],\n"none":[]\n}\n'


@pytest.mark.parametrize("value", [float("nan"), {1, 2}, b"bytes"])
def test_what_json_cannot_say_is_not_written(value: object) -> None:
    with pytest.raises(MalformedFile, match="cannot be written"):
        encode_json({"value": value})


def _file(folder: Path, content: bytes | str) -> Path:
    file = folder / "file.json"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return file
