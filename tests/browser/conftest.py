from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.store_app.builders import use_storage

# The headless shell is Chromium without the windows around its pages, which cost as much as they.
PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, PROGRAMS)), None)
# Where no graphics card is, WebGL2 is drawn by the processor.
ARGUMENTS = [
    "--no-sandbox",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    # Pages themselves need no card: drawing them by that of the processor costs twice.
    "--disable-gpu-rasterization",
    "--disable-gpu-compositing",
]

# What the browser says of itself where it copies a canvas by the processor.
_STALL = "GPU stall due to ReadPixels"

# Several browsers draw at once, by the processor.
expect.set_options(timeout=15_000)


@pytest.fixture(autouse=True)
def _blob_folder(settings, tmp_path: Path) -> None:
    """Give each test a storage of its own."""
    use_storage(
        settings,
        "django.core.files.storage.FileSystemStorage",
        location=str(tmp_path / "blobs"),
    )


@pytest.fixture(autouse=True, scope="session")
def _static_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Give whitenoise a folder to look into, before the server of the session starts."""
    settings.STATIC_ROOT = tmp_path_factory.mktemp("static")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium; its tests are skipped where there is none."""
    if CHROMIUM is None:
        pytest.skip(f"no Chromium: one of {', '.join(PROGRAMS)} must be on the PATH")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright's event loop lives in the thread of the tests, which also ask the database.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser found wrong: errors of scripts, of the policy, of requests."""
    return []


@pytest.fixture
def page(browser: Browser, live_server, complaints: list[str]) -> Iterator[Page]:
    """A page whose complaints fail the test at its end."""
    context = browser.new_context(base_url=live_server.url, viewport={"width": 1280, "height": 900})
    yield _watched(context, complaints)
    context.close()
    assert complaints == []


@pytest.fixture
def page_without_scripts(browser: Browser, live_server, complaints: list[str]) -> Iterator[Page]:
    """A page of a browser that runs no scripts."""
    context = browser.new_context(base_url=live_server.url, java_script_enabled=False)
    yield _watched(context, complaints)
    context.close()
    assert complaints == []


def _watched(context: BrowserContext, complaints: list[str]) -> Page:
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.on("pageerror", lambda error: complaints.append(f"script: {error}"))
    # The policy is complained of in the console too.
    page.on(
        "console",
        lambda message: (
            complaints.append(f"{message.type}: {message.text}")
            if message.type in ("error", "warning") and _STALL not in message.text
            else None
        ),
    )
    page.on(
        "response",
        lambda response: (
            complaints.append(f"{response.status}: {response.url}")
            if response.status >= 400
            else None
        ),
    )
    return page
