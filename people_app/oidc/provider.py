"""The other side of signing in with a provider: authorization code, PKCE, state and nonce.

Needs the extra `oidc`. Authlib makes the requests and reads the tokens; what a token must say
is checked here in full, whatever the provider's metadata promise.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from authlib.common.errors import AuthlibBaseError
from authlib.common.security import generate_token
from authlib.integrations.requests_client import OAuth2Session
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from requests import RequestException, Response

from people_app.oidc.claims import Claims, read_claims
from people_app.oidc.flow import Flow, ProviderFailed

# By the provider's private key only: with HS256 whoever knows the client secret could sign.
_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
_TIMEOUT_SECONDS = 10
_METADATA_SECONDS = 3_600
# A token may name a key that is newer than those we have; nobody makes us ask all the time.
_KEYS_AGAIN_SECONDS = 60
_CLOCK_SKEW_SECONDS = 60
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_WANTED = frozenset({"email", "email_verified", "preferred_username"})


@lru_cache(maxsize=4)
def get_provider(issuer: str, client_id: str, client_secret: str, scope: str) -> Provider:
    """Return the provider of these settings, the same for the same ones."""
    return Provider(issuer, client_id, client_secret, scope)


class Provider:
    """An OpenID Connect provider, and this service as its client."""

    def __init__(self, issuer: str, client_id: str, client_secret: str, scope: str) -> None:
        self.issuer, self.client_id = issuer, client_id
        self._client_secret = client_secret
        self._scope = " ".join(dict.fromkeys(["openid", *scope.split()]))
        self._metadata: tuple[float, dict[str, Any]] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._away_until = 0.0

    def begin(self, redirect_uri: str) -> tuple[str, Flow]:
        """Return where to send the browser, and what to keep until it comes back.

        Raises
        ------
        ProviderFailed
        """
        flow = Flow(*(generate_token(48) for _ in Flow._fields))
        with self._session(redirect_uri) as session:
            url, _ = session.create_authorization_url(
                self._find_metadata()["authorization_endpoint"],
                state=flow.state,
                code_verifier=flow.verifier,
                nonce=flow.nonce,
            )
        return url, flow

    def finish(self, redirect_uri: str, code: str, flow: Flow) -> Claims:
        """Return who signed in, of the code with which the browser came back.

        Raises
        ------
        ProviderFailed
            The code is refused, or the token proves nothing.
        """
        metadata = self._find_metadata()
        with self._session(redirect_uri) as session:
            try:
                token = session.fetch_token(
                    metadata["token_endpoint"],
                    code=code,
                    code_verifier=flow.verifier,
                    timeout=_TIMEOUT_SECONDS,
                    allow_redirects=False,
                )
                found = self._prove(token, flow.nonce)
                if "userinfo_endpoint" in metadata and not found.keys() >= _WANTED:
                    found = {**self._ask_userinfo(session, metadata, found["sub"]), **found}
            # A ValueError is a body that is no JSON, or no key, or no token.
            except (AuthlibBaseError, JoseError, RequestException, ValueError) as error:
                raise ProviderFailed(f"the provider's answer proves nothing: {error}") from error
        return read_claims(self.issuer, found["sub"], found)

    def _prove(self, token: Mapping[str, Any], nonce: str) -> dict[str, Any]:
        """Return the claims of the id token; JoseError or ValueError where it proves nothing."""
        text = token.get("id_token")
        if not isinstance(text, str):
            raise ValueError("there is no id token")
        registry = JWSRegistry(algorithms=list(_ALGORITHMS), strict_check_header=False)
        try:
            decoded = jwt.decode(text, self._find_keys(), registry=registry)
        except InvalidKeyIdError:
            decoded = jwt.decode(text, self._find_keys(again=True), registry=registry)
        claims = CodeIDToken(
            decoded.claims,
            decoded.header,
            {
                "iss": {"essential": True, "value": self.issuer},
                "aud": {"essential": True, "value": self.client_id},
                "sub": {"essential": True},
            },
            {
                "nonce": nonce,
                "client_id": self.client_id,
                "access_token": token.get("access_token"),
            },
        )
        claims.validate(leeway=_CLOCK_SKEW_SECONDS)
        return dict(claims)

    def _ask_userinfo(
        self, session: OAuth2Session, metadata: Mapping[str, Any], subject: str
    ) -> dict[str, Any]:
        """Return what the provider says beside the token, about the same person."""
        url = self._checked(metadata["userinfo_endpoint"])
        found = _json(session.get(url, timeout=_TIMEOUT_SECONDS, allow_redirects=False))
        if found.get("sub") != subject:
            raise ValueError("userinfo is about somebody else")
        return found

    def _session(self, redirect_uri: str) -> OAuth2Session:
        # A provider that says nothing of its methods takes the secret as HTTP Basic.
        metadata = self._find_metadata()
        methods = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
        basic = "client_secret_basic" in methods or "client_secret_post" not in methods
        method = "client_secret_basic" if basic else "client_secret_post"
        return OAuth2Session(
            self.client_id,
            self._client_secret or None,
            token_endpoint_auth_method=method if self._client_secret else "none",
            scope=self._scope,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            # Some give tokens for a minute only, which is more than enough here.
            leeway=0,
        )

    def _find_metadata(self) -> dict[str, Any]:
        if self._metadata is not None and self._metadata[0] > time.monotonic():
            return self._metadata[1]
        if time.monotonic() < self._away_until:
            raise ProviderFailed("the provider did not answer a moment ago")
        try:
            found = self._ask(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration")
        except ProviderFailed:
            # Nobody keeps all threads of this service waiting for one that is away.
            self._away_until = time.monotonic() + _TIMEOUT_SECONDS
            raise
        # Discovery 4.3: else another issuer could speak for this one.
        if found.get("issuer") != self.issuer:
            raise ProviderFailed(f"the provider calls itself {found.get('issuer')!r}")
        for name in _ENDPOINTS:
            self._checked(found.get(name))
        self._metadata = (time.monotonic() + _METADATA_SECONDS, found)
        return found

    def _find_keys(self, again: bool = False) -> KeySet:
        if self._keys is not None:
            age = time.monotonic() - self._keys[0]
            if age < (_KEYS_AGAIN_SECONDS if again else _METADATA_SECONDS):
                return self._keys[1]
        keys = KeySet.import_key_set(self._ask(self._find_metadata()["jwks_uri"]))
        self._keys = (time.monotonic(), keys)
        return keys

    def _ask(self, url: str) -> dict[str, Any]:
        try:
            # A client of its own: nothing of this service's goes with the request.
            with OAuth2Session() as session:
                return _json(
                    session.get(
                        url, withhold_token=True, timeout=_TIMEOUT_SECONDS, allow_redirects=False
                    )
                )
        except (RequestException, ValueError) as error:
            raise ProviderFailed(f"the provider does not answer: {error}") from error

    def _checked(self, url: Any) -> str:
        """Return the address of an endpoint; it is as safe as the issuer's own."""
        secure = urlsplit(self.issuer).scheme == "https"
        if not isinstance(url, str) or not url.startswith("https://" if secure else "http"):
            raise ProviderFailed(f"the provider names an endpoint {url!r}")
        return url


def _json(response: Response) -> dict[str, Any]:
    response.raise_for_status()
    found = response.json()
    if response.status_code != 200 or not isinstance(found, dict):
        raise ValueError(f"status {response.status_code}, and no JSON object")
    return found
