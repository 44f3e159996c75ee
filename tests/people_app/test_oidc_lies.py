"""Tokens that prove nothing: a provider over HTTP that says what a test tells it to."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from joserfc.jws import JWSRegistry

from people_app.oidc.claims import Claims
from people_app.oidc.flow import Flow, ProviderFailed
from people_app.oidc.provider import Provider

KEY, OTHER_KEY = (RSAKey.generate_key(2048, {"kid": kid}) for kid in ("one", "two"))
FLOW = Flow("a state", "a nonce", "v" * 48)


class Said:
    """What the provider answers; `None` is the truth."""

    def __init__(self) -> None:
        self.issuer = ""
        self.metadata: dict[str, Any] = {}
        self.token: dict[str, Any] | None = None
        self.userinfo: dict[str, Any] | None = None
        self.keys: list[RSAKey | OctKey] = [KEY]
        self.asked: list[str] = []

    def claims(self, **changes: Any) -> dict[str, Any]:
        """True claims, but for the changes; None leaves one out."""
        now = int(time.time())
        true = {
            "iss": self.issuer, "sub": "s-1", "aud": "tessera", "nonce": FLOW.nonce,
            "iat": now, "exp": now + 60, "preferred_username": "ada",
            "email": "ada@example.org", "email_verified": True,
        }  # fmt: skip
        return {name: value for name, value in (true | changes).items() if value is not None}

    def answer(self, path: str) -> dict[str, Any]:
        """Answer one request."""
        self.asked.append(path)
        if path == "/.well-known/openid-configuration":
            places = {
                "authorization_endpoint": "/authorize", "token_endpoint": "/token",
                "jwks_uri": "/jwks", "userinfo_endpoint": "/userinfo",
            }  # fmt: skip
            full = {name: self.issuer + place for name, place in places.items()}
            return {"issuer": self.issuer, **full, **self.metadata}
        if path == "/jwks":
            return {"keys": [_published(key) for key in self.keys]}
        if path == "/userinfo":
            return self.userinfo if self.userinfo is not None else {"sub": "s-1"}
        return self.token if self.token is not None else bearer(sign(self.claims()))


def _published(key: RSAKey | OctKey) -> dict[str, Any]:
    return key.as_dict(private=isinstance(key, OctKey))


def sign(claims: dict[str, Any], key: Any = KEY, alg: str = "RS256", **header: Any) -> str:
    registry = JWSRegistry(algorithms=[alg])
    return jwt.encode({"alg": alg, "kid": key.kid, **header}, claims, key, registry=registry)


def bearer(id_token: Any) -> dict[str, Any]:
    return {"access_token": "at", "token_type": "Bearer", "expires_in": 60, "id_token": id_token}


@pytest.fixture
def said() -> Iterator[Said]:
    said = Said()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            body = json.dumps(said.answer(self.path)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    said.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield said
    server.shutdown()
    thread.join()
    server.server_close()


def finish(said: Said) -> Claims:
    return Provider(said.issuer, "tessera", "secret", "openid").finish(
        "http://testserver/return/", "a code", FLOW
    )


def test_the_truth_is_believed(said):
    found = finish(said)
    assert (found.issuer, found.subject, found.username) == (said.issuer, "s-1", "ada")
    assert (found.email, found.email_verified) == ("ada@example.org", True)


@pytest.mark.parametrize(
    "lie",
    [
        {"iss": "https://other.example"},
        {"iss": None},
        {"aud": "another client"},
        {"aud": ["another client", "a third"]},
        {"aud": ["tessera", "another client"], "azp": "another client"},
        {"aud": None},
        {"nonce": "another"},
        {"nonce": None},
        {"exp": 1},
        {"exp": None},
        {"iat": None},
        {"nbf": 2**40},
        {"sub": None},
        {"sub": 7},
        {"sub": ""},
        {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"},
    ],
    ids=str,
)
def test_a_token_with_a_wrong_claim_proves_nothing(said, lie):
    said.token = bearer(sign(said.claims(**lie)))
    with pytest.raises(ProviderFailed):
        finish(said)


def _unsigned(said: Said) -> Any:
    return sign(said.claims()).rpartition(".")[0] + "."


def _alg_none(said: Said) -> Any:
    _, body, _ = sign(said.claims()).split(".")
    return f"eyJhbGciOiJub25lIn0.{body}."


def _by_another_key(said: Said) -> Any:
    return sign(said.claims(), OTHER_KEY)


def _by_another_key_under_the_same_name(said: Said) -> Any:
    return sign(said.claims(), OTHER_KEY, kid="one")


def _by_the_client_secret(said: Said) -> Any:
    return sign(said.claims(), OctKey.import_key("secret" * 6, {"kid": "one"}), "HS256")


def _by_the_public_key_as_a_secret(said: Said) -> Any:
    public = KEY.as_pem(private=False)
    return sign(said.claims(), OctKey.import_key(public.hex(), {"kid": "one"}), "HS256")


def _altered(said: Said) -> Any:
    head, _, signature = sign(said.claims()).split(".")
    return ".".join((head, sign(said.claims(sub="s-2")).split(".")[1], signature))


@pytest.mark.parametrize(
    "forge",
    [
        _unsigned, _alg_none, _by_another_key, _by_another_key_under_the_same_name,
        _by_the_client_secret, _by_the_public_key_as_a_secret, _altered,
        lambda said: None, lambda said: "", lambda said: "a.b.c", lambda said: 7,
    ],
)  # fmt: skip
def test_a_token_that_the_provider_did_not_sign_proves_nothing(said, forge):
    # Even where the provider says that it would sign so.
    said.metadata = {"id_token_signing_alg_values_supported": ["RS256", "HS256", "none"]}
    said.token = bearer(forge(said))
    with pytest.raises(ProviderFailed):
        finish(said)


def test_a_secret_among_the_keys_of_the_provider_signs_nothing(said):
    shared = OctKey.import_key("a secret that a client knows, too", {"kid": "shared"})
    said.keys = [KEY, shared]
    said.metadata = {"id_token_signing_alg_values_supported": ["RS256", "HS256"]}
    said.token = bearer(sign(said.claims(), shared, "HS256"))
    with pytest.raises(ProviderFailed):
        finish(said)


def test_a_new_key_of_the_provider_is_asked_for_when_a_token_names_it(said):
    provider = Provider(said.issuer, "tessera", "secret", "openid")
    assert provider.finish("http://testserver/", "a code", FLOW).subject == "s-1"
    said.keys = [OTHER_KEY]
    said.token = bearer(sign(said.claims(), OTHER_KEY))
    with pytest.raises(ProviderFailed):  # asked for a moment ago: nobody makes us ask for ever
        provider.finish("http://testserver/", "a code", FLOW)
    provider._keys = (time.monotonic() - 61, provider._keys[1])
    assert provider.finish("http://testserver/", "a code", FLOW).subject == "s-1"
    assert said.asked.count("/jwks") == 2
    assert said.asked.count("/.well-known/openid-configuration") == 1


def test_what_a_token_leaves_out_is_asked_for_and_never_stands_above_it(said):
    said.token = bearer(sign(said.claims(email=None, email_verified=None)))
    said.userinfo = {"sub": "s-1", "email": "b@example.org", "email_verified": True,
                     "preferred_username": "bob"}  # fmt: skip
    found = finish(said)
    assert (found.username, found.email, found.email_verified) == ("ada", "b@example.org", True)


def test_what_is_said_about_somebody_else_is_refused(said):
    said.token = bearer(sign(said.claims(email=None)))
    said.userinfo = {"sub": "s-2", "email": "b@example.org"}
    with pytest.raises(ProviderFailed, match="somebody else"):
        finish(said)


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://other.example"},
        {"issuer": None},
        {"token_endpoint": None},
        {"jwks_uri": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
    ids=str,
)
def test_odd_metadata_are_refused(said, metadata):
    said.metadata = metadata
    with pytest.raises(ProviderFailed):
        finish(said)


def test_a_secure_issuer_has_no_endpoint_in_the_clear():
    provider = Provider("https://sso.example.org", "tessera", "", "openid")
    with pytest.raises(ProviderFailed):
        provider._checked("http://sso.example.org/token")


@pytest.mark.parametrize("answer", [{"error": "invalid_grant"}, {}, {"access_token": "at"}])
def test_a_refused_code_signs_nobody_in(said, answer):
    said.token = answer
    with pytest.raises(ProviderFailed):
        finish(said)
