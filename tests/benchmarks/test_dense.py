"""The dense reference against ours: a peer that computes something else proves nothing."""

import json

import numpy as np
from PIL import Image

from benchmarks.dense import count_quality, read_annotations, read_ids, write_detection
from panoptic.kinds import Kinds
from panoptic.metrics import panoptic_quality
from panoptic.rle import encode_coco_rles
from tests.benchmarks.builders import write_panoptic
from tests.builders import label


def written(folder, drawn):
    """Write one label as COCO panoptic; return its folder of PNGs and its annotations."""
    path = write_panoptic(folder, drawn)
    return path.with_suffix(""), read_annotations(path)


def test_ids_are_read_from_colours(tmp_path):
    ids = np.array([[1, 258, 65539]], np.uint32)
    rgb = (ids[..., None] >> np.array([0, 8, 16], np.uint32)).astype(np.uint8)
    Image.fromarray(rgb).save(tmp_path / "a.png")
    assert np.array_equal(read_ids(tmp_path / "a.png"), ids)


def test_quality_counts_what_ours_counts(tmp_path):
    old = label("1122 1122 33..", {1: 7, 2: 9, 3: 7})
    new = label("1122 1222 .34.", {1: 7, 2: 9, 3: 7, 4: 7})
    old_folder, old_rows = written(tmp_path / "old", old)
    new_folder, new_rows = written(tmp_path / "new", new)
    dense = count_quality(old_folder, new_folder, list(zip(old_rows, new_rows, strict=True)))
    ours = panoptic_quality(old, new, Kinds(frozenset({9})))
    assert {c: (t.tp, t.fp, t.fn, round(t.iou_sum, 6)) for c, t in ours.classes.items()} == {
        c: (tp, fp, fn, round(iou, 6)) for c, (tp, fp, fn, iou) in dense.items()
    }


def test_detection_holds_the_masks_that_ours_holds(tmp_path):
    drawn = label("1122 1122 33..", {1: 7, 2: 9, 3: 7})
    folder, annotations = written(tmp_path / "a", drawn)
    write_detection(folder, annotations, tmp_path / "detection.json")
    rows = json.loads((tmp_path / "detection.json").read_bytes())["annotations"]
    found = [row["segmentation"]["counts"] for row in rows]
    assert found == [counts for _, counts in sorted(encode_coco_rles(drawn.layers[0]).items())]
