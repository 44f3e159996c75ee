"""Every format against `FormatConformance`, with the labels that it can carry."""

from __future__ import annotations

import re
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import assume
from hypothesis import strategies as st

from panoptic.formats.base import BoundClass, ExportClass, ReadOptions
from panoptic.formats.coco.instances import COCO_INSTANCES
from panoptic.formats.coco.panoptic import COCO_PANOPTIC
from panoptic.formats.instance_masks.format import INSTANCE_MASKS
from panoptic.formats.painting import Mask, paint_masks
from panoptic.formats.registry import FORMATS, UnknownFormat, get_format
from panoptic.label import Label, Segment, label_from_runs, spans_of
from panoptic.runs import encode_runs, spans_of_mask
from panoptic.views import panoptic_runs
from tests.builders import label
from tests.conformance.formats import FormatConformance
from tests.panoptic.formats.files import RANDOM_BINDING, RANDOM_CLASSES
from tests.panoptic.strategies import SHAPES, STUFF_IDS, layered_labels, masks


class TestCocoPanoptic(FormatConformance):
    format = COCO_PANOPTIC
    target_name = "labels.json"
    binding = RANDOM_BINDING
    classes = RANDOM_CLASSES

    @staticmethod
    @st.composite
    def labels(draw: st.DrawFn) -> Label:
        """Partitions, with one segment of each stuff class and no crowds among them."""
        layered = draw(layered_labels())
        visible = panoptic_runs(layered)
        seen = set(visible.values.tolist())
        rows = [row for row in one_of_each_stuff(layered) if row.segment_id in seen]
        kept = {row.segment_id for row in rows}
        assume(seen - {0} == kept)
        return label_from_runs(visible, rows)

    @staticmethod
    def example() -> Label:
        return label("11. 1..", {1: 1})


class TestCocoInstances(FormatConformance):
    format = COCO_INSTANCES
    target_name = "labels.json"
    binding = RANDOM_BINDING
    classes = RANDOM_CLASSES
    # A crowd that lies above a thing would sink below it.
    options = ReadOptions(on_overlap="last")

    @staticmethod
    @st.composite
    def labels(draw: st.DrawFn) -> Label:
        """Labels as any import makes them: crowds lowest, stuff cut out of what lies below."""
        layered = draw(layered_labels())
        full = spans_of(layered)
        painted = [
            Mask(row, "stuff" if row.class_id in STUFF_IDS else "thing", full[row.segment_id])
            for row in one_of_each_stuff(layered)
        ]
        composed = paint_masks(*layered.shape, painted, "last").label
        assert composed is not None
        return composed

    @staticmethod
    def example() -> Label:
        return label("11. 1..", {1: 1})


class TestInstanceMasks(FormatConformance):
    format = INSTANCE_MASKS
    target_name = "masks"
    binding: ClassVar = {"object": BoundClass(7, "thing")}
    classes = (ExportClass(7, "object", "thing", (0, 0, 0)),)

    @staticmethod
    @st.composite
    def labels(draw: st.DrawFn) -> Label:
        """Things of one class, numbered by their first pixels, the smaller on top."""
        shape = draw(SHAPES)
        spans = [
            spans_of_mask(encode_runs(mask))
            for mask in draw(st.lists(masks(shape), min_size=1, max_size=5))
        ]
        spans.sort(key=lambda each: (each.starts[0], each.area, each.starts.tobytes()))
        painted = [Mask(Segment(number, 7), "thing", each) for number, each in enumerate(spans, 1)]
        composed = paint_masks(*shape, painted, "small").label
        assert composed is not None
        return composed

    @staticmethod
    def example() -> Label:
        return label("11. 1..", {1: 7})


def test_every_format_is_tested() -> None:
    """By a class that inherits `FormatConformance`, or `WriterConformance` where it is only
    written, here or in a file of its own."""
    text = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    tested = set(
        re.findall(
            r"\((?:Format|Writer)Conformance\):\n(?:    .*\n)*?    format = ([A-Z_0-9]+)\n", text
        )
    )
    written = {name.upper() for name, format_ in FORMATS.items() if format_.is_written}
    assert written == tested


def test_an_unknown_format_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(UnknownFormat, match="coco_instances, coco_panoptic"):
        get_format("coco")


def one_of_each_stuff(given: Label) -> list[Segment]:
    """The rows without a second segment of a stuff class; stuff is never a crowd."""
    seen: set[int] = set()
    rows = []
    for row in given.segments:
        if row.class_id in STUFF_IDS:
            if row.class_id in seen:
                continue
            seen.add(row.class_id)
            row = row._replace(crowd=False)
        rows.append(row)
    return rows
