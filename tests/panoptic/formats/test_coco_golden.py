"""The exact bytes of a tiny export, and the same label read from files that were made by hand."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
from PIL import Image

from panoptic.formats.coco.instances import COCO_INSTANCES
from panoptic.formats.coco.panoptic import COCO_PANOPTIC
from panoptic.formats.instance_masks.format import INSTANCE_MASKS
from tests.builders import label, stack
from tests.panoptic.formats.files import CATEGORIES, export_image, read_labels, write_all
from tests.panoptic.formats.mask_cases import MASK_BINDING

PARTITION = label("112 1.2", {1: 7, 2: 8}, crowds=[1])
LAYERED = stack("111 1.1", ".2. ...", classes={1: 7, 2: 9})
_CATEGORIES_JSON = (
    '"categories":[{"supercategory":"being","color":[220,20,60],"isthing":1,"id":1,"name":"person"},'
    '{"supercategory":"vehicle","color":[0,0,142],"isthing":1,"id":3,"name":"car"},'
    '{"supercategory":"sky","color":[70,130,180],"isthing":0,"id":200,"name":"sky"}]'
)
PANOPTIC_JSON = (
    '{\n"info":{},\n"licenses":[],\n'
    '"images":[\n{"file_name":"5.jpg","height":2,"width":3,"note":"é","id":5}],\n'
    '"annotations":[\n{"segments_info":['
    '{"id":1,"category_id":1,"iscrowd":1,"bbox":[0,0,2,2],"area":3},'
    '{"id":2,"category_id":200,"iscrowd":0,"bbox":[2,0,1,2],"area":2}],'
    '"file_name":"5.png","image_id":5}],\n' + _CATEGORIES_JSON + "\n}\n"
)
INSTANCES_JSON = (
    '{\n"info":{},\n"licenses":[],\n'
    '"images":[\n{"file_name":"5.jpg","height":2,"width":3,"id":5}],\n"annotations":[\n'
    '{"segmentation":{"size":[2,3],"counts":"031O"},"area":5,"iscrowd":0,"bbox":[0,0,3,2],'
    '"category_id":1,"image_id":5,"id":1},\n'
    '{"segmentation":{"size":[2,3],"counts":"213"},"area":1,"iscrowd":0,"bbox":[1,0,1,1],'
    '"category_id":3,"image_id":5,"id":2}],\n' + _CATEGORIES_JSON + "\n}\n"
)


def test_the_bytes_of_coco_panoptic(tmp_path: Path) -> None:
    images = [export_image("5.jpg", PARTITION, source_id=5, attributes={"note": "é"})]
    write_all(COCO_PANOPTIC, tmp_path / "x.json", images)
    assert (tmp_path / "x.json").read_text(encoding="utf-8") == PANOPTIC_JSON
    png = (tmp_path / "x" / "5.png").read_bytes()
    digest = "bf59115d28591f63144391eea51e25ceeb82893be09bdf9d7af9064099dac0dc"
    assert hashlib.sha256(png).hexdigest() == digest


def test_the_bytes_of_coco_instances(tmp_path: Path) -> None:
    write_all(COCO_INSTANCES, tmp_path / "x.json", [export_image("5.jpg", LAYERED, source_id=5)])
    assert (tmp_path / "x.json").read_text(encoding="utf-8") == INSTANCES_JSON


def test_the_bytes_of_instance_masks(tmp_path: Path) -> None:
    things = stack("111 1.1", ".2. ...", classes={1: 7, 2: 7})
    write_all(INSTANCE_MASKS, tmp_path / "x", [export_image("a", things)])
    folder = tmp_path / "x" / "a" / "masks"
    written = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()
    }
    assert written == {
        "00000001.png": "662cdc663560379c539d6ad2379aef4bf1a55266ce50c646e01eb4f1d45b1e95",
        "00000002.png": "f6b026afa3bb312bc5727ee23e3c51ce64807749379df4fedf908e0a3d4fc118",
    }


def test_coco_panoptic_by_hand(tmp_path: Path) -> None:
    """Id 66051 is R 3, G 2, B 1."""
    pixels = [[[1, 0, 0], [1, 0, 0], [3, 2, 1]], [[1, 0, 0], [0, 0, 0], [3, 2, 1]]]
    (tmp_path / "panoptic").mkdir()
    Image.fromarray(np.array(pixels, np.uint8)).save(tmp_path / "panoptic" / "5.png")
    infos = [
        {"id": 1, "category_id": 1, "iscrowd": 1, "bbox": [0, 0, 2, 2], "area": 3},
        {"id": 66051, "category_id": 200, "iscrowd": 0, "bbox": [2, 0, 1, 2], "area": 2},
    ]
    content = {
        "images": [{"id": 5, "file_name": "5.jpg", "height": 2, "width": 3}],
        "annotations": [{"image_id": 5, "file_name": "5.png", "segments_info": infos}],
        "categories": CATEGORIES,
    }
    (tmp_path / "panoptic.json").write_text(json.dumps(content))
    read = read_labels(COCO_PANOPTIC, tmp_path / "panoptic.json")["5.jpg"]
    assert read is not None
    assert read.layers[0].values.tolist() == [1, 66051, 1, 0, 66051]
    assert read.layers[0].lengths.tolist() == [2, 1, 1, 1, 1]
    rows = [(row.segment_id, row.class_id, row.crowd) for row in read.segments]
    assert rows == [(1, 7, True), (66051, 8, False)]


def test_coco_instances_by_hand(tmp_path: Path) -> None:
    """Counts go down the columns and begin with what is outside."""
    infos = [
        {"id": 1, "category_id": 1, "segmentation": {"size": [2, 3], "counts": [0, 3, 1, 2]}},
        {"id": 2, "category_id": 3, "segmentation": {"size": [2, 3], "counts": [2, 1, 3]}},
    ]
    content = {
        "images": [{"id": 5, "file_name": "5.jpg", "height": 2, "width": 3}],
        "annotations": [{"image_id": 5, "iscrowd": 0, **info} for info in infos],
        "categories": CATEGORIES,
    }
    (tmp_path / "x.json").write_text(json.dumps(content))
    assert read_labels(COCO_INSTANCES, tmp_path / "x.json") == {"5.jpg": LAYERED}


def test_instance_masks_by_hand(tmp_path: Path) -> None:
    masks = {"x.png": [[255, 255, 255], [255, 0, 255]], "y.png": [[0, 255, 0], [0, 0, 0]]}
    (tmp_path / "a" / "masks").mkdir(parents=True)
    for name, rows in masks.items():
        Image.fromarray(np.array(rows, np.uint8)).save(tmp_path / "a" / "masks" / name)
    expected = stack("111 1.1", ".2. ...", classes={1: 7, 2: 7})
    assert read_labels(INSTANCE_MASKS, tmp_path, binding=MASK_BINDING) == {"a": expected}
