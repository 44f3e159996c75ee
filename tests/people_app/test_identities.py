"""Whose account here an identity at the provider is."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from people_app.actions.identities import find_account, link_identity
from people_app.actions.teams import create_team
from people_app.errors import IdentityRefused
from people_app.models import AuditEvent, ExternalIdentity, TeamMember, User
from people_app.oidc.claims import Claims, read_claims
from people_app.oidc.settings import OidcSettings
from tests.laws import examples
from tests.people_app.builders import person

# JSON may hold half of a surrogate pair, which no database stores.
ANY_TEXT = st.text(st.characters(), max_size=300) | st.just("a\ud800b") | st.just("a\x00b")
ISSUER = "https://sso.example.org"


def says(subject: str = "s-1", **claims: object) -> Claims:
    return read_claims(ISSUER, subject, claims)


def rules(**changes: object) -> OidcSettings:
    values = {
        "issuer": ISSUER, "client_id": "tessera", "client_secret": "", "name": "Institute",
        "scope": "openid", "create_accounts": False, "match_email": False,
        "groups_claim": "", "teams": {},
    }  # fmt: skip
    return OidcSettings(**{**values, **changes})


def account_of(claims: Claims, **changes: object) -> User | None:
    try:
        return find_account(claims, rules(**changes))
    except IdentityRefused:
        return None


def rights_of(user: User) -> tuple[bool, bool, bool]:
    return user.is_superuser, user.is_staff, user.has_usable_password()


@pytest.mark.django_db
def test_issuer_and_subject_say_who_somebody_is_whatever_else_is_claimed():
    ada, bob = person("ada", email="ada@example.org"), person("bob", email="bob@example.org")
    link_identity(user=ada, issuer=ISSUER, subject="s-1", actor=None)
    claims = says("s-1", email=bob.email, email_verified=True, preferred_username="bob")
    assert account_of(claims, match_email=True, create_accounts=True) == ada


@pytest.mark.django_db
def test_who_is_not_known_gets_no_account_unless_the_operator_says_so():
    assert account_of(says(preferred_username="ada")) is None
    assert account_of(says(preferred_username="ada"), create_accounts=True).username == "ada"
    assert [event.verb for event in AuditEvent.objects.order_by("pk")] == [
        "account.created", "identity.linked",
    ]  # fmt: skip


@pytest.mark.django_db
def test_a_new_account_has_a_name_of_its_own_no_password_and_no_rights():
    person("Admin", is_superuser=True, is_staff=True)
    claims = says(
        preferred_username="admin", email="cat@example.org", email_verified=True,
        given_name="Cat", is_superuser=True, is_staff=True, groups=["admin"],
    )  # fmt: skip
    made = account_of(claims, create_accounts=True)
    assert (made.username, made.email, made.first_name) == ("admin-2", "cat@example.org", "Cat")
    assert rights_of(made) == (False, False, False)
    assert account_of(claims, create_accounts=True) == made


@pytest.mark.django_db
def test_an_address_that_was_not_verified_is_not_kept():
    claims = says(email="ada@example.org", email_verified="true")
    assert account_of(claims, create_accounts=True).email == ""


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("claims", "fields", "matched"),
    [
        ({"email_verified": True}, {}, True),
        ({"email_verified": True}, {"email": "EVE@example.org"}, True),
        ({"email_verified": False}, {}, False),
        ({"email_verified": "true"}, {}, False),
        ({"email_verified": 1}, {}, False),
        ({}, {}, False),
        ({"email_verified": True}, {"is_superuser": True}, False),
        ({"email_verified": True}, {"is_staff": True}, False),
        ({"email_verified": True}, {"is_active": False}, False),
    ],
)
def test_an_address_names_an_account_only_if_it_is_verified_and_no_operators(
    claims, fields, matched
):
    eve = person("eve", **{"email": "eve@example.org", **fields})
    claimed = says(email="eve@example.org", **claims)
    assert account_of(claimed) is None
    assert (account_of(claimed, match_email=True) == eve) is matched
    assert eve.identities.exists() is matched


@pytest.mark.django_db
def test_an_address_of_two_accounts_names_neither():
    for name in ("fay", "fay-2"):
        person(name, email="fay@example.org")
    assert account_of(says(email="fay@example.org", email_verified=True), match_email=True) is None


@pytest.mark.django_db
def test_an_address_that_moved_to_somebody_else_gives_them_nothing():
    gil = person("gil", email="gil@example.org")
    link_identity(user=gil, issuer=ISSUER, subject="the former", actor=None)
    assert account_of(says(email=gil.email, email_verified=True), match_email=True) is None


@pytest.mark.django_db
def test_a_closed_account_stays_closed():
    ida = person("ida", is_active=False)
    link_identity(user=ida, issuer=ISSUER, subject="s-1", actor=None)
    assert account_of(says(), create_accounts=True) is None


@pytest.mark.django_db
def test_another_issuer_with_the_same_subject_is_somebody_else():
    link_identity(user=person("jon"), issuer="https://other.example", subject="s-1", actor=None)
    assert account_of(says()) is None


@pytest.mark.django_db
def test_an_identity_belongs_to_one_account():
    link_identity(user=person("ada"), issuer=ISSUER, subject="s-1", actor=None)
    with pytest.raises(IdentityRefused, match="already"):
        link_identity(user=person("bob"), issuer=ISSUER, subject="s-1", actor=None)


@pytest.mark.django_db
def test_groups_put_people_into_the_teams_that_are_mapped_and_out_of_them():
    ada, kim = person("ada"), person("kim")
    teams = {slug: create_team(slug=slug, actor=ada) for slug in ("crew", "night", "own")}
    TeamMember.objects.create(team=teams["own"], user=kim)
    link_identity(user=kim, issuer=ISSUER, subject="s-1", actor=None)

    def teams_after(**claims):
        account_of(says(**claims), groups_claim="groups", teams={"g1": "crew", "g2": "night"})
        return sorted(place.team.slug for place in TeamMember.objects.filter(user=kim))

    assert teams_after(groups=["g1", "g9"]) == ["crew", "own"]
    assert teams_after(groups=["g2"]) == ["night", "own"]
    assert teams_after(groups="g1") == ["crew", "own"]
    assert teams_after() == ["own"]


@pytest.mark.django_db
def test_the_last_maintainer_of_a_team_stays_in_it():
    leo = person("leo")
    create_team(slug="crew", actor=leo)
    link_identity(user=leo, issuer=ISSUER, subject="s-1", actor=None)
    assert account_of(says(), groups_claim="groups", teams={"g1": "crew"}) == leo
    assert TeamMember.objects.filter(user=leo).exists()


class Laws(TestCase):
    @given(
        st.fixed_dictionaries(
            {"preferred_username": ANY_TEXT},
            optional={
                "email": ANY_TEXT | st.just("a@b.example") | st.integers(),
                "email_verified": st.booleans() | st.text(max_size=5),
                "given_name": ANY_TEXT | st.none(),
                "family_name": ANY_TEXT | st.lists(st.text()),
                "groups": st.lists(st.text() | st.integers()) | st.text(),
            },
        ),
        ANY_TEXT,
    )
    @examples(40)
    def test_whatever_is_claimed_makes_one_account_without_rights_or_none(self, claims, subject):
        before = User.objects.count()
        made = account_of(
            says(subject, **claims), create_accounts=True, match_email=True,
            groups_claim="groups", teams={"g": "crew"},
        )  # fmt: skip
        if made is None:
            assert User.objects.count() == before
            return
        made.refresh_from_db()
        made.full_clean(exclude=["password"])
        assert rights_of(made) == (False, False, False)
        assert ExternalIdentity.objects.get(subject=subject).user == made


@pytest.mark.django_db
def test_operators_link_their_own_account_by_command(settings):
    settings.TESSERA_OIDC = dict(vars(rules()))
    root = person("root", is_superuser=True)
    out = StringIO()
    call_command("link_identity", "root", "s-1", "--json", stdout=out)
    assert json.loads(out.getvalue()) == {"user": "root", "issuer": ISSUER, "subject": "s-1"}
    assert account_of(says("s-1")) == root


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [(["bob", "s-1"], "no user is named bob"), (["ada", "s-1"], "no TESSERA_OIDC_ISSUER"),
     (["ada", "taken", "--issuer", ISSUER], "already"), (["ada", "", "--issuer", ISSUER], "1 to")],
)  # fmt: skip
def test_the_command_says_what_is_wrong(arguments, reason):
    person("ada")
    link_identity(user=person("cat"), issuer=ISSUER, subject="taken", actor=None)
    with pytest.raises(CommandError, match=reason):
        call_command("link_identity", *arguments)
