"""The pictures of the documentation, taken of a running service by a real browser."""

from __future__ import annotations

import shutil
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse

from datasets_app.actions.comparisons import compute_pixel_comparison
from datasets_app.management.console import get_dataset
from datasets_app.models import Dataset, Version
from datasets_app.models.pixel_comparison import RankedImage
from datasets_app.revs import get_first_parent, resolve
from labels_app.actions.drafts import get_draft
from web.small_pictures import small_png

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# Where no graphics card is, WebGL2 is drawn by the processor.
_ARGUMENTS = (
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
)
_WIDTH, _HEIGHT = 1280, 800
# Pages on which what matters begins further down.
_HEIGHTS = {"compare": 1240, "exports": 1000, "statistics-sizes": 1000, "statistics-history": 1000}
_QUIET_MILLISECONDS = 4_000
_MODES = {"swipe": "mode=swipe&between=0.5", "difference": "mode=difference", "heat": "mode=heat"}
# Those that are further down come when somebody gets there.
_EVERY_PICTURE_IS_THERE = """() => [...document.images]
  .filter((one) => one.checkVisibility() && one.getBoundingClientRect().top < innerHeight)
  .every((one) => one.complete)"""


class Command(BaseCommand):
    """Open each page and keep what it looks like."""

    help = "Take the pictures of docs/pictures of the sample dataset (needs Chromium, playwright)"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="a public dataset with a few versions")
        parser.add_argument("--address", default="http://127.0.0.1:8000", help="of the service")
        parser.add_argument("--rev", default="main", help="the version that is looked at")
        parser.add_argument("--old", default="", help="compared with --rev (default: its parent)")
        parser.add_argument("--user", default="admin", help="who looks")
        parser.add_argument(
            "--password-file",
            type=Path,
            default=settings.DATA_DIR / "admin_password",
            help="the password of --user (default: the one that `run_service` wrote)",
        )
        parser.add_argument("--only", nargs="*", help="names of pictures (default: all)")
        parser.add_argument("--to", type=Path, default=settings.BASE_DIR / "docs" / "pictures")

    def handle(self, *, slug: str, rev: str, old: str, to: Path, **options: Any) -> None:
        dataset = get_dataset(slug)
        new = resolve(dataset, rev)
        pages = _pages(dataset, resolve(dataset, old) if old else get_first_parent(new, 1), new)
        wanted = options["only"] or list(pages)
        if unknown := sorted(set(wanted) - set(pages)):
            raise CommandError(f"no picture is called {', '.join(unknown)}")
        if not options["password_file"].is_file():
            raise CommandError(f"{options['password_file']} holds no password of a user")
        password = options["password_file"].read_text().strip()
        to.mkdir(parents=True, exist_ok=True)
        with _browser() as browser:
            for theme, ending in (("light", ""), ("dark", "-dark")):
                page = browser.new_page(
                    base_url=options["address"],
                    viewport={"width": _WIDTH, "height": _HEIGHT},
                    color_scheme=theme,
                    reduced_motion="reduce",
                )
                _sign_in(page, options["user"], password)
                for name in wanted:
                    height = _HEIGHTS.get(name, _HEIGHT)
                    page.set_viewport_size({"width": _WIDTH, "height": height})
                    (to / f"{name}{ending}.png").write_bytes(small_png(_look(page, pages[name])))
                    self.stdout.write(f"{name}{ending}.png")


def _pages(dataset: Dataset, old: Version, new: Version) -> dict[str, str]:
    """The path of the page of each picture."""
    slug, rev, spec = dataset.slug, f"v{new.number}", f"v{old.number}..v{new.number}"
    ranked = RankedImage.objects.filter(
        comparison=compute_pixel_comparison(old, new), changed_pixels__gt=0
    )
    # Of what changed most, the most telling image is the one with many changes.
    changed = {one.image_no: one.segments for one in ranked.order_by("-changed_pixels")[2:12]}
    if not changed:
        raise CommandError(f"v{old.number} and v{new.number} differ in two images or less")
    image = max(changed, key=lambda number: (changed[number], -number))
    compared_image = reverse("web:compare-image", args=[slug, spec, image])
    taxonomy = dataset.taxonomy
    pages = {
        "datasets": reverse("web:datasets"),
        "versions": reverse("web:dataset", args=[slug]),
        "images": reverse("web:images", args=[slug, rev]),
        "image": reverse("web:image", args=[slug, rev, image]),
        "compare": reverse("web:compare", args=[slug, spec]),
        "compare-image": compared_image,
        **{f"compare-{mode}": f"{compared_image}?{query}" for mode, query in _MODES.items()},
        "statistics": reverse("web:version", args=[slug, rev]),
        **{
            f"statistics-{part}": reverse("web:statistics", args=[slug, rev, part])
            for part in ("sizes", "places", "together", "history")
        },
        "taxonomy": reverse("web:taxonomy", args=[taxonomy.slug]),
        "import": reverse("web:import", args=[slug]),
        "exports": reverse("web:exports", args=[slug]),
        "jobs": reverse("web:jobs"),
        "members": reverse("web:dataset-members", args=[slug]),
    }
    if get_draft(taxonomy).is_edited:
        pages["taxonomy-draft"] = reverse("web:taxonomy-draft", args=[taxonomy.slug])
        pages["taxonomy-preview"] = reverse("web:taxonomy-preview", args=[taxonomy.slug])
    return pages


@contextmanager
def _browser() -> Iterator[Browser]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise CommandError("playwright is missing; it comes with the extra `test`") from error
    path = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if path is None:
        raise CommandError(f"none of {', '.join(_BROWSERS)} is on the PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
        yield browser
        browser.close()


def _sign_in(page: Page, user: str, password: str) -> None:
    page.goto(reverse("web:sign-in"))
    page.get_by_label("User name").fill(user)
    page.get_by_label("Password").fill(password)
    with page.expect_navigation():
        page.keyboard.press("Enter")
    if page.get_by_label("Password").count():
        raise CommandError(f"the service at {page.url} does not let {user} in")


def _look(page: Page, path: str) -> bytes:
    """Take a picture of a page when all of it is there."""
    from playwright.sync_api import TimeoutError as StillBusy

    answer = page.goto(path)
    if answer is None or not answer.ok:
        raise CommandError(f"{path} answers {answer.status if answer else 'nothing'}")
    page.wait_for_function(_EVERY_PICTURE_IS_THERE)
    with suppress(StillBusy):  # a page that follows a job asks again and again
        page.wait_for_load_state("networkidle", timeout=_QUIET_MILLISECONDS)
    return page.screenshot()
