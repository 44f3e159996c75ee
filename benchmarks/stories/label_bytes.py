"""Bytes of a label as stored, its segment table included, against the PNG that Pillow writes."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bench import Bench
from benchmarks.pillow_png import pillow_png
from benchmarks.rows import Goal, Row, left_out
from benchmarks.scenes import describe, rgb_of
from panoptic.codec import encode_label
from panoptic.label import Label

_GOAL = Goal(0.35, at_most=True)


def run(bench: Bench) -> Iterator[Row]:
    scenes = bench.scenes
    yield _row("label-bytes/coco-panoptic", scenes.real_panoptic, "real COCO panoptic", _GOAL)
    yield _row("label-bytes/coco-instances", scenes.real_instances, "real COCO instances", _GOAL)
    yield _row("label-bytes/scenes", scenes.normal, "scenes, 640×480", None)
    yield _row("label-bytes/large", scenes.large, "scenes, 2048×1024", None)


def _row(name: str, labels: list[Label], what: str, goal: Goal | None) -> Row:
    if not labels:
        return left_out(name, "real labels are missing (set TESSERA_REAL_DATA)")
    ours = sum(len(encode_label(label)) for label in labels) / len(labels)
    peer = sum(len(pillow_png(rgb_of(label))) for label in labels) / len(labels)
    note = f"{what}: {describe(labels)}; mean bytes, ratio is ours over the PNG's"
    return Row(name, ours, peer, "B", ours / peer, goal, None, note)
