"""Light or dark, chosen in the foot of a page."""

from __future__ import annotations

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def choose(client: Client, theme: str, back: str = "/jobs/?mine=1"):
    return client.post("/theme/", {"theme": theme, "next": back})


def root_of(client: Client) -> str:
    return client.get("/sign-in/").content.decode().partition("<head>")[0]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_what_was_chosen_is_shown_from_then_on(client: Client, theme: str) -> None:
    answer = choose(client, theme)
    assert (answer.status_code, answer["Location"]) == (303, "/jobs/?mine=1")
    assert f'data-theme="{theme}"' in root_of(client)


def test_the_system_decides_at_first_and_when_asked_to_again(client: Client) -> None:
    assert "data-theme" not in root_of(client)
    choose(client, "dark")
    choose(client, "system")
    assert "data-theme" not in root_of(client)


def test_a_made_up_theme_is_refused_and_a_made_up_cookie_shows_nothing(client: Client) -> None:
    assert choose(client, "<script>").status_code == 400
    client.cookies["theme"] = "<script>"
    assert "data-theme" not in root_of(client)


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "jobs", ""])
def test_nobody_is_led_to_another_site(client: Client, back: str) -> None:
    assert choose(client, "dark", back)["Location"] == "/"
