"""The page of one's own account."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from people_app.actions.tokens import create_token
from people_app.models import AuditEvent, BrowserSession, Token, User
from tests.web.builders import Page

pytestmark = pytest.mark.django_db

ACCOUNT, OLD, NEW = "/account/", "correct horse", "battery staple 7"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def mia() -> User:
    return User.objects.create_user("mia", password=OLD)


@pytest.fixture
def here(mia: User) -> Client:
    return signed_in()


def signed_in(name: str = "mia", secret: str = OLD, **meta: str) -> Client:
    client = Client(**meta)
    assert client.post("/sign-in/", {"username": name, "password": secret}).status_code == 302
    return client


def change(client: Client, old: str = OLD, new: str = NEW, again: str = NEW):
    return client.post(
        ACCOUNT,
        {"act": "change-password", "old_password": old, "new_password1": new,
         "new_password2": again},
    )  # fmt: skip


def make(client: Client, **form: object):
    return client.post(
        ACCOUNT, {"act": "make-token", "name": "cluster", "scope": "read", "days": 90, **form}
    )


def page(client: Client) -> Page:
    return Page(client.get(ACCOUNT).content.decode())


def test_who_is_not_signed_in_is_led_to_signing_in(client: Client) -> None:
    assert client.get(ACCOUNT).url == "/sign-in/?next=/account/"
    assert client.post(ACCOUNT, {"act": "make-token"}).status_code == 302
    assert not Token.objects.exists()


def test_the_page_has_nothing_inline_one_heading_and_is_kept_by_nobody(here: Client) -> None:
    response = here.get(ACCOUNT)
    shown = Page(response.content.decode())
    assert (shown.inline, shown.headings) == ([], 1)
    assert "no-store" in response["Cache-Control"]


def test_the_page_costs_the_same_however_much_there_is(
    mia: User, here: Client, django_assert_num_queries
) -> None:
    for number in range(25):
        create_token(user=mia, name=f"token {number}")
    for _ in range(4):
        signed_in()
    with django_assert_num_queries(4):  # session, account, tokens, sessions
        here.get(ACCOUNT)


def test_a_new_password_takes_the_place_of_the_old_one(mia: User, here: Client) -> None:
    assert change(here).url == ACCOUNT
    assert "Your password is changed" in page(here).text
    mia.refresh_from_db()
    assert mia.check_password(NEW)
    event = AuditEvent.objects.get(verb="password.changed")
    assert (event.actor, event.facts["name"]) == (mia, "mia")


def test_a_new_password_ends_all_other_sessions_and_renews_this_one(here: Client) -> None:
    there = signed_in()
    before = here.session.session_key
    change(here)
    assert there.get(ACCOUNT).status_code == 302
    assert here.get(ACCOUNT).status_code == 200
    assert here.session.session_key != before
    assert [row.pk for row in BrowserSession.objects.all()] == [here.session.session_key]


@pytest.mark.parametrize(
    ("old", "new", "again", "said"),
    [
        ("wrong", NEW, NEW, "entered incorrectly"),
        ("", NEW, NEW, "required"),
        (OLD, NEW, "other", "match"),
        (OLD, "short", "short", "at least 8 characters"),
        (OLD, "password1", "password1", "too common"),
        (OLD, "x" * 5_000, "x" * 5_000, "at most 4096"),
    ],
)
def test_a_password_that_is_refused_stays_as_it_was(
    mia: User, here: Client, old: str, new: str, again: str, said: str
) -> None:
    answer = change(here, old, new, again)
    assert answer.status_code == 422
    assert said in Page(answer.content.decode()).text
    mia.refresh_from_db()
    assert mia.check_password(OLD)
    assert not AuditEvent.objects.filter(verb="password.changed").exists()


def test_a_session_left_open_is_no_place_to_guess_the_password(here: Client) -> None:
    answers = [change(here, old=f"guess {number}").status_code for number in range(11)]
    assert answers == [422] * 10 + [429]
    assert change(here).status_code == 429
    assert signed_in()  # who knows the password is not locked out by it


def test_who_signs_in_with_a_provider_has_no_password_to_change(client: Client) -> None:
    user = User.objects.create_user("eve")
    client.force_login(user)
    assert "no password here to change" in page(client).text
    assert change(client, old="").status_code == 422
    user.refresh_from_db()
    assert not user.has_usable_password()


def test_a_token_is_shown_once_and_works(mia: User, here: Client) -> None:
    made = make(here)
    secret = made.context["made"].secret
    assert made.status_code == 200
    assert made.content.decode().count(secret) == 2  # to read, and for the button that copies
    assert "no-store" in made["Cache-Control"]
    assert secret not in here.get(ACCOUNT).content.decode()
    assert secret not in str(dict(here.session.items()))
    asked = Client().get("/api/v1/tokens/", HTTP_AUTHORIZATION=f"Token {secret}")
    assert [row["name"] for row in asked.json()["results"]] == ["cluster"]


@pytest.mark.parametrize(
    ("scope", "scopes", "read_only"),
    [("read", ["read"], True), ("write", ["write"], False), ("admin", [], False)],
)
def test_a_token_may_do_what_was_chosen(
    here: Client, scope: str, scopes: list[str], read_only: bool
) -> None:
    make(here, scope=scope)
    token = Token.objects.get()
    assert (token.scopes, token.read_only) == (scopes, read_only)


def test_a_token_ends_when_it_was_said_to(here: Client) -> None:
    make(here, days=7)
    make(here, days=0)
    ends = sorted(Token.objects.values_list("expiry", flat=True), key=str)
    assert timedelta(days=6) < ends[0] - timezone.now() < timedelta(days=8)
    assert ends[1] is None


@pytest.mark.parametrize(
    "form",
    [{"name": ""}, {"name": "x" * 201}, {"name": "\x00"}, {"scope": "root"}, {"days": "5"},
     {"days": "-1"}, {"days": ""}, {"scope": ""}],
    ids=str,
)  # fmt: skip
def test_a_token_that_means_nothing_is_refused(here: Client, form: dict[str, str]) -> None:
    assert make(here, **form).status_code == 422
    assert not Token.objects.exists()


def test_tokens_tell_scope_last_use_and_end(mia: User, here: Client) -> None:
    create_token(user=mia, name="old", read_only=True)
    Token.objects.update(expiry=timezone.now() - timedelta(days=1), last_used_at=timezone.now())
    create_token(user=mia, name="new")
    assert "new" in page(here).text
    text = page(here).text.partition("Tokens of your programs")[2].partition("Make a token")[0]
    assert "everything never never Revoke" in text
    assert "ended Revoke" in text


def test_many_tokens_go_on_on_the_next_page(mia: User, here: Client) -> None:
    for number in range(21):
        create_token(user=mia, name=f"t-{number:02}")
    Token.objects.update(created=timezone.now())  # all at once
    first = here.get(ACCOUNT)
    following = [link for link in Page(first.content.decode()).links if "after=" in link]
    second = here.get(ACCOUNT + following[0])
    names = [[token.name for token in answer.context["tokens"]] for answer in (first, second)]
    assert [len(some) for some in names] == [20, 1]
    assert sorted(names[0] + names[1]) == [f"t-{number:02}" for number in range(21)]


@pytest.mark.parametrize("after", ["", "x", "2026-13-01T00:00:00Z,aa", "2026-01-01T00:00:00Z,é",
                                   "2026-01-01T00:00:00,aa", "%00,%00"])  # fmt: skip
def test_odd_cursors_are_no_error(here: Client, after: str) -> None:
    assert here.get(f"{ACCOUNT}?after={after}").status_code == 200


def test_a_revoked_token_is_useless_at_once(mia: User, here: Client) -> None:
    token, secret = create_token(user=mia, name="cluster")
    answer = here.post(ACCOUNT, {"act": "revoke-token", "token": token.public_id})
    assert answer.url == ACCOUNT
    assert "“cluster” is revoked" in page(here).text
    refused = Client().get("/api/v1/tokens/", HTTP_AUTHORIZATION=f"Token {secret}")
    assert refused.status_code == 401


@pytest.mark.parametrize("named", ["of another", "", "0" * 16, "\x00" * 16, "%" * 16])
def test_nobody_revokes_what_is_not_theirs(here: Client, named: str) -> None:
    other = create_token(user=User.objects.create_user("tom")).token
    public_id = other.public_id if named == "of another" else named
    answer = here.post(ACCOUNT, {"act": "revoke-token", "token": public_id})
    assert answer.status_code == 404
    assert Token.objects.count() == 1


def test_people_see_where_they_are_signed_in_and_end_it_there(here: Client) -> None:
    there = signed_in(HTTP_USER_AGENT=FIREFOX, REMOTE_ADDR="192.0.2.9")
    text = page(here).text
    assert "Firefox on Linux 192.0.2.9" in text
    others = [one for one in here.get(ACCOUNT).context["sessions"] if not one.is_this]
    assert here.post(ACCOUNT, {"act": "end-session", "session": others[0].id}).url == ACCOUNT
    assert there.get(ACCOUNT).status_code == 302
    assert here.get(ACCOUNT).status_code == 200
    assert AuditEvent.objects.filter(verb="session.revoked").count() == 1


def test_all_other_sessions_end_together(here: Client) -> None:
    others = [signed_in() for _ in range(3)]
    here.post(ACCOUNT, {"act": "end-others"})
    assert "3 other sessions ended" in page(here).text
    assert [client.get(ACCOUNT).status_code for client in others] == [302] * 3


def test_nobody_ends_the_session_of_another(here: Client) -> None:
    User.objects.create_user("tom", password=OLD)
    tom = signed_in("tom")
    theirs = tom.get(ACCOUNT).context["sessions"][0].id
    here.post(ACCOUNT, {"act": "end-session", "session": theirs})
    assert tom.get(ACCOUNT).status_code == 200


def test_the_page_names_no_session_by_its_key(here: Client) -> None:
    there = signed_in()
    shown = here.get(ACCOUNT).content.decode()
    assert here.session.session_key not in shown
    assert there.session.session_key not in shown


def test_sessions_of_an_old_password_are_not_listed(mia: User, here: Client) -> None:
    signed_in()
    mia.set_password(NEW)  # by an operator, at a shell
    mia.save()
    again = signed_in(secret=NEW)
    assert len(again.get(ACCOUNT).context["sessions"]) == 1


def test_an_act_that_nobody_knows_is_refused(here: Client) -> None:
    assert here.post(ACCOUNT, {"act": "make-me-admin"}).status_code == 422
