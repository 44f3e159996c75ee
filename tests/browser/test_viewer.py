"""The viewer, mode by mode: what its canvas shows is what the PNGs of the API say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page

from panoptic.label import Label, compose_label, label_from_id_map
from panoptic.runs import encode_runs
from panoptic.segments import Segment
from tests.browser.viewers import api_png, canvas, ids_of, open_viewer, pair, png_of, update
from tests.web.builders import CAR, ROAD, SKY

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

HEIGHT, WIDTH = 60, 90
VIEW = (200, 100)  # CSS pixels: width, height
LARGEST = 2**24 - 1
STUFF = {1: ROAD, 3: SKY}
LINES = {"outlines": False}


def label_of(ids: NDArray[Any]) -> Label:
    """A label of this map: 1 is road, 3 is sky, all others are cars."""
    rows = [Segment(int(one), STUFF.get(int(one), CAR)) for one in np.unique(ids) if one]
    return label_from_id_map(ids.astype(np.uint32), rows)


def before() -> NDArray[Any]:
    ids = np.full((HEIGHT, WIDTH), 1)
    ids[:20] = 3
    ids[25:45, 10:40] = 70_000
    ids[30:40, 60:80] = LARGEST
    ids[50:55, 50:60] = 65_536
    return ids


def after() -> NDArray[Any]:
    ids = before()
    ids[30:40, 60:80] = 1  # the largest is gone
    ids[25:45, 36:40] = 1  # 70,000 is smaller
    ids[5:10, 5:15] = 0  # a hole in the sky
    ids[48:58, 10:20] = 9  # another car
    ids[ids == 65_536] = 12  # a number and nothing else
    return ids


@pytest.fixture
def town(live_server) -> None:
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    photo = np.stack([columns * 2, rows * 4, rows + columns], -1).astype(np.uint8)
    pair(label_of(before()), label_of(after()), png_of(photo))


def both(page: Page, *spec: str, size: tuple[int, int], **attributes: str) -> Iterator[str]:
    """Open the viewer with WebGL, then without."""
    for renderer in ("webgl2", "canvas2d"):
        open_viewer(page, *spec, size=size, renderer=renderer, **attributes)
        assert page.evaluate("window.viewer.renderer") == renderer
        yield renderer


def middle(picture: NDArray[np.uint8], zoom: int = 1) -> NDArray[np.uint8]:
    """The part of a canvas with one pane that shows the image, in the middle and to scale."""
    height, width = HEIGHT * zoom, WIDTH * zoom
    top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
    return picture[top : top + height : zoom, left : left + width : zoom]


def test_ids_on_the_canvas_are_those_of_the_api(town: None, page: Page) -> None:
    for _ in both(page, size=VIEW):
        for rev, side, ids in (("v1", "old", before()), ("v2", "new", after())):
            shown = middle(canvas(page, mode="single", side=side, colorBy="id", zoom=1))
            assert (shown == api_png(page, f"versions/{rev}/images/1/panoptic.png")).all()
            assert (ids_of(shown) == ids).all()


def test_both_panes_show_the_same_part_of_both_sides(town: None, page: Page) -> None:
    for _ in both(page, size=(402, 100)):
        shown = ids_of(canvas(page, mode="two-up", colorBy="id", zoom=2, center=[40, 30]))
        ids = [shown[::2, :200:2], shown[::2, 202::2]]
        # 100 × 50 pixels around (40, 30), of which 10 lie left of the image.
        assert (ids[0][:, 10:] == before()[5:55, :90]).all()
        assert (ids[1][:, 10:] == after()[5:55, :90]).all()


def test_a_swipe_shows_old_on_the_left_and_new_on_the_right(town: None, page: Page) -> None:
    for _ in both(page, size=VIEW):
        shown = ids_of(middle(canvas(page, mode="swipe", colorBy="id", zoom=1, swipe=0.4)))
        split = 80 - (VIEW[0] - WIDTH) // 2
        assert (shown[:, :split] == before()[:, :split]).all()
        assert (shown[:, split:] == after()[:, split:]).all()


def test_the_onion_skin_mixes_both_sides(town: None, page: Page) -> None:
    for _ in both(page, size=VIEW):
        state = {"mode": "onion", "zoom": 1, **LINES}
        old, half, new = (canvas(page, **state, onion=share).astype(int) for share in (0, 0.5, 1))
        assert (old == canvas(page, mode="single", side="old")).all()
        assert (new == canvas(page, mode="single", side="new")).all()
        assert np.abs(half - (old + new) / 2).max() <= 1


def test_the_difference_is_the_picture_of_the_api(town: None, page: Page) -> None:
    for _ in both(page, size=VIEW):
        plain = {"opacity": 1, "brightness": 0, "patterns": False, "zoom": 1}
        shown = middle(canvas(page, mode="difference", **plain))
        assert (shown == api_png(page, "compare/v1..v2/images/1/change.png")).all()


def test_what_changed_glows_and_only_that_is_hot(town: None, page: Page) -> None:
    for _ in both(page, size=VIEW):
        shown = middle(canvas(page, mode="heat", zoom=1))
        changed = api_png(page, "compare/v1..v2/images/1/change.png").any(axis=-1)
        hot = np.abs(shown.astype(int) - (255, 217, 77)).max(axis=-1) <= 1
        assert (hot == changed).all()
        # The photograph beside a change glows.
        assert shown[34, 82, 0] > shown[34, 82, 2] + 20


def test_outlines_lie_where_segments_end(town: None, page: Page) -> None:
    for _ in both(page, size=(600, 300)):
        plain = {"brightness": 0, "patterns": False, "zoom": 3, "center": [45, 30]}
        shown = canvas(page, mode="outlines", **plain)[60:240, 165:435]
        lines = shown.any(axis=-1).reshape(HEIGHT, 3, WIDTH, 3).any(axis=(1, 3))
        ends = np.zeros((HEIGHT, WIDTH), bool)
        for ids in (before(), after()):
            padded = np.pad(ids, 1)
            for top in range(3):
                for left in range(3):
                    beside = padded[top : top + HEIGHT, left : left + WIDTH]
                    ends |= (beside != ids) & (ids != 0)
        assert (lines == ends).all()


def test_colours_are_those_of_the_classes(town: None, page: Page) -> None:
    for _ in both(page, size=VIEW):
        shown = middle(canvas(page, mode="single", opacity=1, zoom=1, **LINES))
        classes = np.where(np.isin(after(), (1, 3)), after(), CAR)
        # The taxonomy of tests colours class n as #00000n.
        assert (
            shown[after() != 0] == np.stack([classes * 0, classes * 0, classes], -1)[after() != 0]
        ).all()
        assert (shown[after() == 0] == [[10, 20, 10]]).all(axis=-1).any()


def test_a_kind_of_change_has_a_colour_and_a_pattern(town: None, page: Page) -> None:
    for _ in both(page, size=VIEW):
        state = {"mode": "single", "side": "new", "colorBy": "change", "opacity": 1, "zoom": 1}
        plain = middle(canvas(page, **state, patterns=False, **LINES))
        assert (plain[after() == 9] == (0, 158, 115)).all()  # added
        inked = middle(canvas(page, patterns=True))[after() == 9]
        colors = {tuple(color) for color in inked.tolist()}
        assert colors == {(0, 158, 115), (0, 71, 52)}


def test_what_is_hidden_or_did_not_change_leaves_the_photograph(town: None, page: Page) -> None:
    for _ in both(page, size=VIEW):
        photo = middle(canvas(page, mode="single", opacity=0, zoom=1, **LINES))
        hidden = middle(canvas(page, opacity=1, hidden=[CAR]))
        is_car = ~np.isin(after(), (0, 1, 3))
        assert (hidden[is_car] == photo[is_car]).all()
        assert (hidden[after() == 1] == (0, 0, ROAD)).all()
        only = middle(canvas(page, hidden=[], onlyChanges=True))
        # Nothing happened to no segment of this label but to their neighbours: sky and road lost
        # and won pixels.
        assert (only[after() == 9] == (0, 0, CAR)).all()
        assert (only[after() == 0] != photo[after() == 0]).any()


def test_a_layer_alone_is_that_of_the_api(live_server, page: Page) -> None:
    road, car = np.ones((HEIGHT, WIDTH)), np.zeros((HEIGHT, WIDTH))
    car[10:40, 10:60] = 1
    bike = np.zeros((HEIGHT, WIDTH))
    bike[20:50, 30:80] = 1
    masks = ((1, ROAD, road), (70_000, CAR, car), (5, CAR, bike))
    stacked = compose_label(
        HEIGHT, WIDTH, [(Segment(i, c), encode_runs(m.astype(np.uint32))) for i, c, m in masks]
    )
    pair(None, stacked)
    for _ in both(page, "images/v2:1", size=VIEW, mode="single"):
        assert page.evaluate("window.viewer.layers") == 3
        for layer, (segment_id, _, mask) in enumerate(masks):
            shown = middle(canvas(page, layer=layer, colorBy="id", zoom=1))
            path = f"versions/v2/images/1/panoptic.png?layer={layer}"
            assert (shown == api_png(page, path)).all()
            assert (ids_of(shown) == mask * segment_id).all()


def test_without_webgl_every_mode_looks_the_same(town: None, page: Page) -> None:
    modes: list[dict[str, Any]] = [
        {"mode": mode, "colorBy": color, "zoom": zoom, "center": [44.3, 30.7], "onion": 0.3}
        for mode, color, zoom in (
            ("two-up", "panoptic", 2.6),
            ("swipe", "instance", 1),
            ("onion", "change", 1),
            ("difference", "class", 3),
            ("heat", "class", 3),
            ("outlines", "class", 4),
            ("single", "change", 5),
        )
    ]
    modes[0] |= {"hovered": {"side": "old", "id": 70_000}, "selected": 1}
    shown = {}
    for renderer in both(page, size=(240, 160)):
        shown[renderer] = [canvas(page, **state).astype(int) for state in modes]
    for state, one, other in zip(modes, *shown.values(), strict=True):
        differ = np.abs(one - other).max(axis=-1)
        assert (differ > 6).mean() < 0.002, state


def test_after_load_nothing_is_uploaded(town: None, page: Page) -> None:
    page.add_init_script(COUNTING)
    open_viewer(page, size=VIEW)
    assert page.evaluate("window.uploads") > 0
    page.evaluate("window.uploads = 0")
    for mode in ("two-up", "swipe", "onion", "difference", "heat", "outlines", "single"):
        for color in ("class", "panoptic", "instance", "change", "id"):
            update(page, mode=mode, colorBy=color, hidden=[CAR], onlyChanges=color == "class")
            update(page, hovered={"side": "new", "id": 9}, selected=1, zoom=2, swipe=0.2)
            page.evaluate("window.viewer.snapshot()")
    assert page.evaluate("window.uploads") == 0


# Every call of WebGL that brings data counts.
COUNTING = """
window.uploads = 0;
const UPLOADS = /^(compressed)?(tex(Sub)?Image|texStorage|copyTex)|^buffer(Sub)?Data|Mipmap/i;
for (const name of Object.getOwnPropertyNames(WebGL2RenderingContext.prototype)) {
  if (!UPLOADS.test(name)) continue;
  const own = WebGL2RenderingContext.prototype[name];
  WebGL2RenderingContext.prototype[name] = function (...values) {
    window.uploads += 1;
    return own.apply(this, values);
  };
}
"""
