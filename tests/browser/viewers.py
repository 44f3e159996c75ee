"""A viewer in a real browser: pairs of labels to look at, and what its canvas shows."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from playwright.sync_api import Page

from datasets_app.actions.commits import ImageChange
from datasets_app.models import Dataset
from labels_app.revisions import register_labels
from panoptic.codec import pack_label
from panoptic.label import Label
from tests.api.builders import put_photo
from tests.datasets_app.builders import commit_to
from tests.web.builders import shared_dataset

MODULE = "/static/web/viewer/element.js"
PLACE = """async ([src, attributes, width, height]) => {
  await import("/static/web/viewer/element.js");
  document.body.replaceChildren();
  const viewer = document.createElement("panoptic-viewer");
  viewer.style.width = `${width}px`;
  viewer.style.height = `${height}px`;
  for (const [name, value] of Object.entries(attributes)) viewer.setAttribute(name, value);
  viewer.setAttribute("aria-label", "The image");
  viewer.tabIndex = 0;
  viewer.setAttribute("src", src);
  document.body.append(viewer);
  window.viewer = viewer;
  await viewer.ready.catch(() => {});
}"""
# The pixels as base64: as a list, a million of them take seconds.
PIXELS = """() => {
  const { data, width, height } = window.viewer.snapshot();
  let text = "";
  for (let at = 0; at < data.length; at += 32768) {
    text += String.fromCharCode(...data.subarray(at, at + 32768));
  }
  return [btoa(text), width, height];
}"""


def put(label: Label) -> bytes:
    """Store a label, and return its digest."""
    packed = pack_label(label)
    register_labels([packed])
    return packed.digest


def pair(old: Label | None, new: Label | None, photo: bytes | None = None) -> Dataset:
    """A public dataset "town" whose image 1 has these labels in v1 and v2."""
    dataset = shared_dataset("town", public=True)
    image = None
    if photo is not None:
        with Picture.open(io.BytesIO(photo)) as picture:
            image = put_photo(photo, picture.height, picture.width)
    for label, text in ((old, "Before"), (new, "After")):
        change = ImageChange(
            "a.png", label=label and put(label), **({"image": image} if image else {})
        )
        commit_to(dataset, [change], message=text)
    return dataset


def png_of(pixels: NDArray[np.uint8]) -> bytes:
    """A photograph of these pixels."""
    file = io.BytesIO()
    Picture.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def open_viewer(
    page: Page,
    spec: str = "compare/v1..v2:1",
    size: tuple[int, int] = (640, 400),
    **attributes: str,
) -> None:
    """Put a viewer of so many CSS pixels (width, height) on an empty page, and wait for it."""
    page.goto("/sign-in/")
    page.evaluate(PLACE, [f"/datasets/town/{spec}/viewer.json", attributes, *size])


def update(page: Page, **state: Any) -> None:
    """Set some of the state; `hidden` is a list."""
    page.evaluate("state => { window.viewer.update(state) }", state)


def canvas(page: Page, **state: Any) -> NDArray[np.uint8]:
    """The pixels of the canvas, RGB, after setting some of the state."""
    update(page, **state)
    text, width, height = page.evaluate(PIXELS)
    data = np.frombuffer(base64.b64decode(text), np.uint8)
    return data.reshape(height, width, 4)[..., :3]


def ids_of(rgb: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """R + 256 G + 65536 B."""
    wide = rgb.astype(np.uint32)
    return wide[..., 0] | wide[..., 1] << 8 | wide[..., 2] << 16


def api_png(page: Page, path: str) -> NDArray[np.uint8]:
    """The pixels of a PNG of the API, as this browser is given it."""
    response = page.request.get(f"/api/v1/datasets/town/{path}")
    assert response.ok, response.text()
    with Picture.open(io.BytesIO(response.body())) as picture:
        return np.asarray(picture.convert("RGB"))
