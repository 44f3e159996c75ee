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
from panoptic.formats import json_stream
from panoptic.formats.json_stream import encode_json, iter_arrays, iter_elements, write_object

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


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13])
def test_pieces_of_any_size_give_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    content = {"s": {"é": [1]}, "a": [-1.5e-12, 1e5, 'é\\u00e9\\"]', {"x": [True, None]}, 12345]}
    file = _file(tmp_path, json.dumps(content, ensure_ascii=False))
    monkeypatch.setattr(json_stream, "_CHUNK_BYTES", size)
    assert [element for _, element in iter_arrays(file, ("a",))] == content["a"]


def test_elements_tell_where_their_text_is(tmp_path: Path) -> None:
    file = _file(tmp_path, '{"é":"é", "a": [ {"x" : "é"} ,2 ]}')
    found, text = list(iter_elements(file, ("a",))), file.read_bytes()
    assert [text[one.start : one.start + one.size].decode() for one in found] == [
        '{"x" : "é"}',
        "2",
    ]


def test_reading_tells_how_far_it_is_and_can_be_ended(tmp_path: Path) -> None:
    file = _file(tmp_path, json.dumps({"a": ["x" * 1000] * 1000}))
    told: list[tuple[int, int]] = []
    assert len(list(iter_elements(file, ("a",), lambda *at: told.append(at)))) == 1000
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (file.stat().st_size, file.stat().st_size)

    def cancel(done: int, total: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        list(iter_elements(file, ("a",), cancel))


def test_an_element_without_end_is_refused_before_it_takes_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_stream, "MAX_ELEMENT_BYTES", 2**20)
    file = _file(tmp_path, b'{"a": ["' + b"x" * 2**23)
    with pytest.raises(MalformedFile, match="more than 1 MiB"):
        list(iter_arrays(file, ("a",)))


def test_a_member_that_is_skipped_may_be_larger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_stream, "MAX_ELEMENT_BYTES", 2**20)
    large = {str(number): "x" * 1000 for number in range(3000)}
    file = _file(tmp_path, json.dumps({"index": large, "list": list(large.values()), "a": [1]}))
    assert list(iter_arrays(file, ("a",))) == [("a", 1)]


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
        (b'{"a": [[1, -Infinity]]}', "no JSON at byte 7"),
        (b'{"a": ["\xff"]}', "no JSON at byte 8"),
        (b'{"a": ["\\ud800"]}', "surrogates"),
        (b'{"a": [1 2]}', "no JSON at byte 9"),
        (b'{"a": [1,]}', "no JSON at byte 9"),
        (b'{"a": [1], }', "no JSON at byte 11"),
        (b'{"a" [1]}', "no JSON at byte 5"),
        (b"{1: [1]}", "no JSON at byte 2"),
        (b'{"a": [tru]}', "no JSON at byte 7"),
        (b'{"a": ["text', "truncated.* at byte 12"),
        (b'{"skipped": {"a": [1,', "truncated.* at byte 21"),
        (b'{"a": [1]', "truncated.* at byte 9"),
        (b'\xef\xbb\xbf{"a": []}', "no JSON object"),
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

    # Several of the pieces in which a file is read.
    assert peak(8_000) < 1.5 * peak(2_000)


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
