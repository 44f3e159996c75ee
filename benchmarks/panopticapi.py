"""The real panopticapi, from the checkout that the environment variable PANOPTICAPI_PATH names."""

from __future__ import annotations

import contextlib
import copy
import importlib
import io
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.dense import Annotation

PANOPTICAPI_MISSING = "no panopticapi; PANOPTICAPI_PATH names a checkout of it"


class Panopticapi:
    """Its single-process functions, silenced: it prints its progress."""

    def __init__(self, checkout: str) -> None:
        sys.path.insert(0, checkout)
        try:
            self._evaluation = importlib.import_module("panopticapi.evaluation")
            self._to_semantic = importlib.import_module("converters.panoptic2semantic_segmentation")
            self._to_detection = importlib.import_module(
                "converters.panoptic2detection_coco_format"
            )
        finally:
            sys.path.remove(checkout)

    def count_quality(
        self, old: Path, new: Path, pairs: Sequence[tuple[Annotation, Annotation]], classes: Any
    ) -> None:
        """Run `pq_compute_single_core`."""
        with _silence():
            self._evaluation.pq_compute_single_core(
                0, pairs, str(old), str(new), {row.class_id: {} for row in classes}
            )

    def write_semantic(self, folder: Path, annotations: Sequence[Annotation], to: Path) -> None:
        """Run `extract_semantic_single_core`, to PNG."""
        with _silence():
            self._to_semantic.extract_semantic_single_core(
                0, annotations, str(folder), None, str(to), {}, True, False
            )

    def write_detection(self, folder: Path, annotations: Sequence[Annotation], to: Path) -> None:
        """Run `convert_panoptic_to_detection_coco_format_single_core` and write its JSON."""
        # It takes the ids out of what it is given.
        own = copy.deepcopy(list(annotations))
        with _silence():
            found = self._to_detection.convert_panoptic_to_detection_coco_format_single_core(
                0, own, {}, str(folder), False
            )
        to.write_text(json.dumps({"annotations": found}))


def find_panopticapi() -> Panopticapi | None:
    """Return it, or None where no checkout is named."""
    checkout = os.environ.get("PANOPTICAPI_PATH")
    return Panopticapi(checkout) if checkout else None


def _silence() -> Any:
    return contextlib.redirect_stdout(io.StringIO())
