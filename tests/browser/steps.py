"""What many walks do: sign in by the keyboard, press keys, and ask axe what it finds."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from axe_playwright_python.base import AXE_FILE_PATH
from playwright.sync_api import Page

PASSWORD = "correct horse"
_RULES = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}


def sign_in(page: Page, name: str, then: str) -> None:
    """Sign in as `name` and wait for the page `then`."""
    page.goto(f"/sign-in/?next={then}")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: urlsplit(url).path == then)


def press(page: Page, *keys: str) -> None:
    """Press keys one after the other, each once the scripts of its page listen."""
    for key in keys:
        page.wait_for_load_state("domcontentloaded")
        page.keyboard.press(key)


def until(page: Page, is_so: Callable[[], bool]) -> None:
    """Let the browser go on until something is so; fail after ten seconds."""
    for _ in range(1_000):
        if is_so():
            return
        page.wait_for_timeout(10)
    raise AssertionError("it never was")


def violations(page: Page, rules: dict[str, object] = _RULES) -> dict[str, list[str]]:
    """Return what axe finds, by rule, with where."""
    # By the debugger, which the policy of the page does not bind.
    page.evaluate(AXE_FILE_PATH.read_text())
    answer = page.evaluate("rules => axe.run(document, {runOnly: rules})", rules)
    return {
        one["id"]: [re.sub(r"\s+", " ", node["html"])[:120] for node in one["nodes"]]
        for one in answer["violations"]
    }
