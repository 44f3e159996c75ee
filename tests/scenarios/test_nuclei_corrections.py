"""Three versions of real instance masks, corrected by people: do the diffs tell the truth?"""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.real_data import real_data
from tests.scenarios.commands import run

pytestmark = pytest.mark.django_db
_OPTIONS = ("--format", "instance_masks", "--class", "nucleus", "--mode", "replace")


@pytest.fixture
def folder() -> Path:
    return real_data("dsbowl")


@pytest.fixture
def nuclei(folder: Path) -> Path:
    """The dataset `nuclei`, whose versions v1, v2, v3 are the folders v0, v1, v2."""
    for name in ("v0", "v1", "v2"):
        run("import_labels", "nuclei", folder / name, *_OPTIONS, "--create")
    return folder


@pytest.mark.parametrize(("old", "new"), [(0, 1), (1, 2)])
def test_a_diff_lists_exactly_the_images_that_people_changed(
    nuclei: Path, old: int, new: int
) -> None:
    told = _told_changes(nuclei, old, new)

    body = run("diff", "nuclei", f"v{old + 1}", f"v{new + 1}")

    assert {image["name"]: image["kind"] for image in body["changed_images"]} == told


@pytest.mark.parametrize(("old", "new"), [(0, 1), (1, 2)])
def test_segment_changes_agree_with_a_comparison_of_pixels(
    nuclei: Path, old: int, new: int
) -> None:
    body = run("diff", "nuclei", f"v{old + 1}", f"v{new + 1}")

    for image in body["changed_images"]:
        expected = _count_by_pixels(nuclei, old, new, image["name"])
        found = {kind: image["segments"].get(kind, 0) for kind in expected}
        pieces = sum(image["segments"].get(kind, 0) for kind in ("split", "merged"))
        if pieces == 0:
            assert found == expected, image["name"]


@pytest.mark.parametrize("mode", ["RGBA", "1"])
def test_the_same_masks_in_another_mode_are_no_change(
    nuclei: Path, tmp_path: Path, mode: str
) -> None:
    for path in sorted((nuclei / "v2").rglob("masks/*.png")):
        target = tmp_path / "masks" / path.relative_to(nuclei / "v2")
        target.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(path) as image:
            image.convert("L").convert(mode).save(target)

    report = run("import_labels", "nuclei", tmp_path / "masks", *_OPTIONS)

    assert report["version"] is None
    assert report["images"]["changed"] == report["images"]["added"] == 0


def _told_changes(folder: Path, old: int, new: int) -> dict[str, str]:
    """What the manifest of the data says, as kinds by image name."""
    names = json.loads((folder / "manifest.json").read_text())[f"changed_v{old}_v{new}"]
    removed = {name for name in names if not (folder / f"v{new}" / name).exists()}
    return {name: "removed" if name in removed else "changed" for name in names}


def _count_by_pixels(folder: Path, old: int, new: int, name: str) -> dict[str, int]:
    """Match masks by brute force: first the best IoU above 0.5, then the largest overlap that
    covers more than half of the smaller mask."""
    before, after = (_masks(folder / f"v{number}" / name) for number in (old, new))
    shared = np.array([[np.count_nonzero(a & b) for b in after] for a in before])
    shared = shared.reshape(len(before), len(after))
    sizes_before = np.array([np.count_nonzero(mask) for mask in before])
    sizes_after = np.array([np.count_nonzero(mask) for mask in after])
    iou = shared / (sizes_before[:, None] + sizes_after[None, :] - shared)
    smaller = np.minimum(sizes_before[:, None], sizes_after[None, :])
    pairs: dict[int, int] = {}
    for score, admitted in ((iou, iou > 0.5), (shared, 2 * shared > smaller)):
        for place in np.argsort(-score, axis=None, kind="stable"):
            a, b = divmod(int(place), len(after))
            if admitted[a, b] and a not in pairs and b not in pairs.values():
                pairs[a] = b
    return {
        "added": len(after) - len(pairs),
        "removed": len(before) - len(pairs),
        "reshaped": sum(not np.array_equal(before[a], after[b]) for a, b in pairs.items()),
    }


def _masks(folder: Path) -> list[np.ndarray]:
    return [
        np.asarray(Image.open(path).convert("L")) > 0
        for path in sorted((folder / "masks").glob("*.png"))
    ]
