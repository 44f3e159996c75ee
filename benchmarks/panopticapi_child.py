"""Run a whole converter of panopticapi: `python panopticapi_child.py ACT SOURCE CATEGORIES TARGET`.

A process of its own, since it starts a pool by fork. Needs panopticapi on PYTHONPATH. Prints the
seconds of the act alone: starting Python and importing are not counted.
"""

import importlib
import json
import sys
import time
from typing import Any


def to_detection(source: str, categories: str, target: str) -> None:
    converter = _converter("panoptic2detection_coco_format")
    converter.convert_panoptic_to_detection_coco_format(source, None, target, categories, False)


def to_panoptic(source: str, categories: str, target: str) -> None:
    converter = _converter("detection2panoptic_coco_format")
    converter.convert_detection_to_panoptic_coco_format(source, None, target, categories)


def _converter(name: str) -> Any:
    converter = importlib.import_module(f"converters.{name}")
    converter.save_json = _save
    return converter


def _save(content: Any, path: str) -> None:
    # Ids come out of arrays: its own way of writing them fails with numpy 2.
    with open(path, "w") as file:
        json.dump(content, file, default=int)


if __name__ == "__main__":
    act = {"to_detection": to_detection, "to_panoptic": to_panoptic}[sys.argv[1]]
    start = time.perf_counter()
    act(*sys.argv[2:])
    sys.stdout.write("\n" + json.dumps({"seconds": time.perf_counter() - start}) + "\n")
