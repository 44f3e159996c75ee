"""The pictures of the documentation, taken of a running service by a real browser."""

from __future__ import annotations

import io
import shutil
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse
from PIL import Image as Picture

from datasets_app.actions.comparisons import compute_pixel_comparison
from datasets_app.management.console import get_dataset
from datasets_app.models import Dataset, Version
from datasets_app.models.pixel_comparison import ComparedImage
from datasets_app.revs import get_first_parent, resolve
from labels_app.actions.drafts import get_draft

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_WIDTH, _HEIGHT = 1280, 800
_MOST_BYTES = 300_000


class Command(BaseCommand):
    """Open each page and keep what it looks like."""

    help = "Take the pictures of docs/pictures of the sample dataset (needs Chromium, playwright)"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="a public dataset with a few versions")
        parser.add_argument("--address", default="http://127.0.0.1:8000", help="of the service")
        parser.add_argument("--rev", default="main", help="compared with its first parent")
        parser.add_argument("--to", type=Path, default=settings.BASE_DIR / "docs" / "pictures")

    def handle(self, *, slug: str, address: str, rev: str, to: Path, **options: Any) -> None:
        dataset = get_dataset(slug)
        new = resolve(dataset, rev)
        to.mkdir(parents=True, exist_ok=True)
        for name, picture in _take(address, _pages(dataset, get_first_parent(new, 1), new)):
            (to / f"{name}.png").write_bytes(_small(picture))
            self.stdout.write(f"{name}.png")


def _pages(dataset: Dataset, old: Version, new: Version) -> dict[str, str]:
    compared = ComparedImage.objects.filter(
        comparison=compute_pixel_comparison(old, new), key="", changed_pixels__gt=0
    )
    # The most telling images have many changes, and are not one change all over.
    changed = list(compared.order_by("-changed_pixels").values_list("image_no", flat=True)[:6])
    if not changed:
        raise CommandError(f"v{old.number} and v{new.number} hold the same labels")
    spec = f"v{old.number}..v{new.number}"
    rev = f"v{new.number}"
    taxonomy = dataset.taxonomy
    pages = {
        "datasets": reverse("web:datasets"),
        "versions": reverse("web:dataset", args=[dataset.slug]),
        "statistics": reverse("web:version", args=[dataset.slug, rev]),
        "images": reverse("web:images", args=[dataset.slug, rev]),
        "image": reverse("web:image", args=[dataset.slug, rev, changed[-1]]),
        "compare": reverse("web:compare", args=[dataset.slug, spec]),
        "compare-image": reverse("web:compare-image", args=[dataset.slug, spec, changed[-1]]),
        "taxonomy": reverse("web:taxonomy", args=[taxonomy.slug]),
    }
    if get_draft(taxonomy).is_edited:
        pages["taxonomy-preview"] = reverse("web:taxonomy-preview", args=[taxonomy.slug])
    return pages


def _take(address: str, pages: dict[str, str]) -> list[tuple[str, bytes]]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise CommandError("playwright is missing; it comes with the extra `test`") from error
    browser_path = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if browser_path is None:
        raise CommandError(f"none of {', '.join(_BROWSERS)} is on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=["--no-sandbox"])
        page = browser.new_page(
            base_url=address,
            viewport={"width": _WIDTH, "height": _HEIGHT},
            color_scheme="light",
            reduced_motion="reduce",
        )
        pictures = []
        for name, path in pages.items():
            page.goto(path, wait_until="networkidle")
            pictures.append((name, page.screenshot()))
        browser.close()
    return pictures


def _small(picture: bytes) -> bytes:
    """Return a PNG of at most 300 kB, with as many levels per colour as that allows.

    A palette is smaller still, and loses the colours of what is small: of classes.
    """
    image = Picture.open(io.BytesIO(picture)).convert("RGB")
    data = _encode(image)
    for levels in (128, 64, 32):
        if len(data) <= _MOST_BYTES:
            break
        highest = levels - 1
        steps = [round(round(level * highest / 255) * 255 / highest) for level in range(256)]
        data = _encode(image.point(steps * 3))
    return data


def _encode(image: Picture.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
