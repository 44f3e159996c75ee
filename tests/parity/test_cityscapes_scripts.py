"""The official scripts on an export: they make the same panoptic files, and find it perfect.

cityscapesscripts is on PyPI; without what only its viewers need (`pip install --no-deps
cityscapesscripts pyquaternion`) it does not touch other packages.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from panoptic.formats.base import ExportImage, ReadOptions, WriteOptions
from panoptic.formats.cityscapes.format import CITYSCAPES
from panoptic.formats.cityscapes.panoptic import CITYSCAPES_PANOPTIC
from panoptic.label import Label
from tests.panoptic.formats.files import bind_all, read_all, write_all
from tests.panoptic.formats.test_cityscapes import BINDING, CLASSES, label_of_numbers

pytest.importorskip(
    "cityscapesscripts.helpers.csHelpers", reason="cityscapesscripts is not installed"
)

# numpy 2.4 has no in1d any more; isin is the same function.
PRELUDE = """
import numpy, sys
numpy.in1d = numpy.isin
"""

NAMES = (
    "aachen/aachen_000000_000019_leftImg8bit.png",
    "aachen/aachen_000001_000019_leftImg8bit.png",
    "bad-honnef/bad-honnef_000000_000000_leftImg8bit.png",
)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export with stuff, things, groups, ignored classes and void."""
    target = tmp_path_factory.mktemp("parity") / "cityscapes"
    images = [
        ExportImage(name, street(seed), 130, 170, split="val") for seed, name in enumerate(NAMES)
    ]
    write_all(CITYSCAPES, target, images, CLASSES)
    return target


@pytest.mark.parametrize("train_ids", ["no", "yes"])
def test_the_panoptic_files_are_those_of_the_official_script(
    tmp_path: Path, train_ids: str
) -> None:
    target, made = tmp_path / "cityscapes", tmp_path / "made"
    images = [
        ExportImage(name, street(seed), 130, 170, split="val") for seed, name in enumerate(NAMES)
    ]
    options = WriteOptions(values={"train_ids": train_ids})
    write_all(CITYSCAPES, target, images, CLASSES, options)
    made.mkdir()
    run(
        "from cityscapesscripts.preparation.createPanopticImgs import convert2panoptic\n"
        f"convert2panoptic(sys.argv[1], sys.argv[2], {train_ids == 'yes'}, ['val'])",
        target / "gtFine",
        made,
    )
    stem = "cityscapes_panoptic_val" + "_trainId" * (train_ids == "yes")
    ours, theirs = target / "gtFine" / stem, made / stem
    assert json.loads(ours.with_suffix(".json").read_text()) == json.loads(
        theirs.with_suffix(".json").read_text()
    )
    assert sorted(file.name for file in ours.iterdir()) == sorted(
        file.name for file in theirs.iterdir()
    )
    for file in ours.iterdir():
        assert pixels(file) == pixels(theirs / file.name)
    binding, _ = bind_all(CITYSCAPES_PANOPTIC, made)
    read, problems = read_all(CITYSCAPES_PANOPTIC, made, ReadOptions(), binding)
    assert (sorted(image.name for image in read), problems) == (sorted(NAMES), ())


def test_the_official_scripts_draw_the_polygons_as_the_label_ids(tree: Path) -> None:
    for polygons in sorted(tree.rglob("*_polygons.json")):
        drawn = polygons.with_suffix(".drawn.png")
        run(
            "from cityscapesscripts.preparation.json2labelImg import json2labelImg\n"
            "json2labelImg(sys.argv[1], sys.argv[2])",
            polygons,
            drawn,
        )
        label_ids = polygons.with_name(polygons.name.replace("polygons.json", "labelIds.png"))
        assert pixels(drawn) == pixels(label_ids)
        drawn.unlink()


def test_what_the_official_script_draws_of_polygons_is_what_is_read_of_them(tree: Path) -> None:
    """Of its own numbers: an export says which parts are one thing, and it does not listen."""
    polygons = min(tree.rglob("*_polygons.json"))
    content = json.loads(polygons.read_text())
    for each in content["objects"]:
        each.pop("id", None)
    plain = tree.parent / "plain" / "gtFine" / "val" / "aachen" / polygons.name
    plain.parent.mkdir(parents=True)
    plain.write_text(json.dumps(content))
    run(
        "from cityscapesscripts.preparation.json2instanceImg import json2instanceImg\n"
        "json2instanceImg(sys.argv[1], sys.argv[2])",
        plain,
        tree.parent / "drawn.tif",  # Pillow 13 writes no PNG of 32 bits
    )
    (image,), _ = read_all(CITYSCAPES, tree.parent / "plain", ReadOptions(), BINDING)
    with Image.open(tree.parent / "drawn.tif") as drawn:
        assert image.label == label_of_numbers(np.asarray(drawn).astype(np.int64))


def test_the_panoptic_evaluation_of_an_export_against_itself_is_perfect(tree: Path) -> None:
    result = tree.parent / "panoptic.json"
    file = tree / "gtFine" / "cityscapes_panoptic_val.json"
    run(
        "from cityscapesscripts.evaluation.evalPanopticSemanticLabeling import *\n"
        "if __name__ == '__main__':\n"
        "    path, folder, result = sys.argv[1:]\n"
        "    evaluatePanoptic(path, folder, path, folder, result)",
        file,
        file.with_suffix(""),
        result,
    )
    found = json.loads(result.read_text())
    assert [found[group]["pq"] for group in ("All", "Things", "Stuff")] == [1.0, 1.0, 1.0]


def test_the_pixel_evaluation_of_an_export_against_itself_is_perfect(tree: Path) -> None:
    files = sorted(tree.rglob("*_labelIds.png"))
    printed = run(
        "from cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling import *\n"
        "args.JSONOutput, args.quiet = False, True\n"
        "found = evaluateImgLists(sys.argv[1:], sys.argv[1:], args)\n"
        "print('found', json.dumps({k: found[k] for k in found if 'average' in k}))",
        *files,
    )
    scores = json.loads(printed.split("found ")[-1])
    assert {scores[each] for each in ("averageScoreClasses", "averageScoreCategories")} == {1.0}


def test_trap_28_the_instance_evaluation_of_an_export_against_itself_is_perfect(
    tree: Path,
) -> None:
    """Without the cache that the script keeps in site-packages: it would be of an earlier run
    (and numpy's numbers cannot be written into it)."""
    files = sorted(tree.rglob("*_instanceIds.png"))
    predictions = [predict(file, tree.parent / "predictions") for file in files]
    printed = run(
        "import json, os\n"
        "import cityscapesscripts.evaluation.evalInstanceLevelSemanticLabeling as tool\n"
        "tool.writeDict2JSON = lambda content, file: None\n"
        "tool.args.JSONOutput, tool.args.quiet = False, True\n"
        "tool.args.predictionPath = sys.argv[1]\n"
        "if os.path.exists(tool.args.gtInstancesFile): os.remove(tool.args.gtInstancesFile)\n"
        "half = len(sys.argv) // 2 + 1\n"
        "found = tool.evaluateImgLists(sys.argv[half:], sys.argv[2:half], tool.args)\n"
        "print('found', json.dumps(found['averages']))",
        tree.parent / "predictions",
        *files,
        *predictions,
    )
    averages = json.loads(printed.split("found ")[-1])
    assert (averages["allAp"], averages["allAp50%"]) == (1.0, 1.0)


def street(seed: int) -> Label:
    """130 × 170 pixels: a road, a sky, a grid of cars and people, groups, a caravan, a pole."""
    plane = np.full((130, 170), 23)
    plane[60:] = 7
    plane[120:, 20:150] = 1  # the ego vehicle
    plane[58:62, ::2] = 0
    disc = np.hypot(*np.mgrid[-9:9, -9:9]) < 8
    for n, label_id in enumerate((24, 25, 26, 26, 28, 29, 33)):
        spot = plane[64 + 4 * (n % 3) :, 2 + 22 * n :][:18, :18]
        spot[disc] = 1000 * label_id + n + seed
    plane[90:115, 5:60], plane[90:110, 70:100] = 26, 24
    plane[95:100, 20:40] = 26500  # a car within a group of cars
    plane[30:75, 160:162], plane[30:40, 150:156] = 17, 18
    plane[40:50, 10:30], plane[44:46, 15:20] = 11, 0  # void within a building
    # In two parts, with a hole.
    plane[20:40, 100:140], plane[25:28, 105:110], plane[:, 120] = 31007, 23, 17
    return label_of_numbers(plane)


def predict(file: Path, folder: Path) -> Path:
    """What the instance evaluation reads: a mask for every thing, and a list of them."""
    folder.mkdir(exist_ok=True)
    plane = np.asarray(Image.open(file)).astype(np.int64)
    lines = []
    for number in np.unique(plane[plane >= 1000]).tolist():
        mask = f"{file.stem}_{number}.png"
        Image.fromarray(np.where(plane == number, 255, 0).astype(np.uint8)).save(folder / mask)
        lines.append(f"{mask} {number // 1000} 1.0\n")
    told = folder / f"{file.stem}.txt"
    told.write_text("".join(lines))
    return told


def pixels(file: Path) -> tuple[str, bytes]:
    with Image.open(file) as image:
        return image.mode, image.tobytes()


def run(code: str, *arguments: Path) -> str:
    """In a process of its own: the scripts keep what they were told in globals."""
    call = [sys.executable, "-c", PRELUDE + code, *map(str, arguments)]
    done = subprocess.run(call, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
