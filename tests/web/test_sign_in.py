from __future__ import annotations

import pytest
from django.test import Client

from people_app.models import User

pytestmark = pytest.mark.django_db

SECRET = "correct horse"


def sign_in(client: Client, name: str = "mia", secret: str = SECRET, following: str = ""):
    User.objects.create_user("mia", password=SECRET)
    return client.post("/sign-in/", {"username": name, "password": secret, "next": following})


def test_who_signs_in_comes_to_the_datasets(client: Client) -> None:
    assert sign_in(client).url == "/"


def test_who_signs_in_comes_back_to_where_they_were(client: Client) -> None:
    assert sign_in(client, following="/jobs/?after=x").url == "/jobs/?after=x"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"]
)
def test_nobody_is_led_to_another_host(client: Client, target: str) -> None:
    assert sign_in(client, following=target).url == "/"


def test_a_wrong_password_is_told_without_telling_whether_the_name_exists(client: Client) -> None:
    known = sign_in(client, secret="wrong").content.decode()
    unknown = client.post("/sign-in/", {"username": "nobody", "password": "wrong"})
    assert "Please enter a correct username and password" in known
    assert "Please enter a correct username and password" in unknown.content.decode()


def test_signing_in_needs_the_token_of_the_form() -> None:
    client = Client(enforce_csrf_checks=True)
    response = client.post("/sign-in/", {"username": "mia", "password": SECRET})
    assert response.status_code == 403


def test_signing_out_is_a_post(client: Client) -> None:
    sign_in(client)
    assert client.get("/sign-out/").status_code == 405
    assert client.post("/sign-out/").url == "/sign-in/"
    assert "Sign in" in client.get("/").content.decode()


def test_who_is_signed_in_is_not_asked_again(client: Client) -> None:
    sign_in(client)
    assert client.get("/sign-in/").url == "/"
