import environ
import pytest
from django.core.exceptions import ImproperlyConfigured

from config.settings import oidc
from config.settings.oidc import oidc_settings

LEAST = {"ISSUER": "https://sso.example.org/realm", "CLIENT_ID": "tessera"}


def read(monkeypatch: pytest.MonkeyPatch, **values: str):
    for name, value in values.items():
        monkeypatch.setenv(f"TESSERA_OIDC_{name}", value)
    return oidc_settings(environ.Env())


def test_without_an_issuer_nobody_signs_in_with_a_provider(monkeypatch) -> None:
    assert read(monkeypatch) is None


def test_nobody_is_let_in_or_matched_by_address_unless_that_is_said(monkeypatch) -> None:
    found = read(monkeypatch, **LEAST)
    assert (found["create_accounts"], found["match_email"], found["teams"]) == (False, False, {})
    assert (found["issuer"], found["client_id"]) == (LEAST["ISSUER"], "tessera")


def test_groups_are_mapped_to_teams_also_where_their_names_hold_an_equals_sign(monkeypatch) -> None:
    found = read(monkeypatch, **LEAST, GROUPS_CLAIM="groups", TEAMS="ml=ml-team,cn=crew,ou=eu=crew")
    assert found["teams"] == {"ml": "ml-team", "cn": "crew", "ou=eu": "crew"}


@pytest.mark.parametrize(
    "values",
    [
        {"ISSUER": "http://sso.example.org"},
        {"ISSUER": "sso.example.org"},
        {"ISSUER": "https://"},
        {"ISSUER": "https://sso.example.org/?a=b"},
        {"ISSUER": "file:///etc/passwd"},
        {"CLIENT_ID": ""},
        {"TEAMS": "ml=ml-team"},
        {"GROUPS_CLAIM": "groups"},
        {"GROUPS_CLAIM": "groups", "TEAMS": "ml"},
        {"GROUPS_CLAIM": "groups", "TEAMS": "=ml-team"},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_at_the_start(monkeypatch, values: dict[str, str]) -> None:
    with pytest.raises(ImproperlyConfigured, match="TESSERA_OIDC"):
        read(monkeypatch, **{**LEAST, **values})


@pytest.mark.parametrize("issuer", ["http://localhost:9400", "http://127.0.0.1:9400"])
def test_a_provider_on_this_machine_needs_no_tls(monkeypatch, issuer: str) -> None:
    assert read(monkeypatch, **{**LEAST, "ISSUER": issuer})["issuer"] == issuer


def test_it_needs_its_extra(monkeypatch) -> None:
    monkeypatch.setattr(oidc, "find_spec", lambda name: None)
    with pytest.raises(ImproperlyConfigured, match=r"\[oidc\]"):
        read(monkeypatch, **LEAST)
