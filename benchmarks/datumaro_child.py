"""What Datumaro does, in a process of its own: `python datumaro_child.py ACT FOLDER [OTHER]`.

It may run in another environment (Datumaro pins an older Pillow), so nothing of the project is
imported here. Prints the seconds of the act alone: starting Python and importing are not counted.
"""

import json
import sys
import tempfile
import time

import datumaro as dm
from datumaro.components.comparator import EqualityComparator


def read(folder: str) -> "dm.Dataset":
    """Import labels and read every mask: lazily imported, they would cost nothing."""
    dataset = dm.Dataset.import_from(folder, "coco_panoptic")
    for item in dataset:
        for annotation in item.annotations:
            assert annotation.image is not None
    return dataset


def convert(folder: str) -> None:
    with tempfile.TemporaryDirectory() as target:
        read(folder).export(target, "coco_panoptic", save_media=False)


def compare(folder: str, other: str) -> None:
    pair = [dm.Dataset.import_from(one, "coco_panoptic") for one in (folder, other)]
    EqualityComparator().compare_datasets(*pair)


if __name__ == "__main__":
    act = {"read": read, "convert": convert, "compare": compare}[sys.argv[1]]
    start = time.perf_counter()
    act(*sys.argv[2:])
    sys.stdout.write("\n" + json.dumps({"seconds": time.perf_counter() - start}) + "\n")
