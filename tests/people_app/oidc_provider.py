"""A real OpenID Connect provider (django-oauth-toolkit) in a process of its own.

`Provider.start(folder)` starts it and registers this service; it demands PKCE, checks secret
and return address, and gives each code once. It ends with the process that started it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx

CLIENT_ID, CLIENT_SECRET = "tessera", "a secret of the two"
PASSWORD = "over there"


class Provider:
    """The provider as tests see it: where it is, who is there, what it says about them."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        self._process, self._folder = process, folder
        assert process.stdout is not None
        self.issuer = process.stdout.readline().strip()

    @classmethod
    def start(cls, folder: Path, return_addresses: str) -> Provider:
        """Start it; anybody in `says` below signs in there with PASSWORD."""
        process = subprocess.Popen(
            [sys.executable, __file__, str(folder), return_addresses],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        return cls(process, folder)

    def stop(self) -> None:
        """Stop it."""
        with self._process as process:  # closes what goes in and out, and waits
            assert process.stdin is not None
            process.stdin.close()

    def says(self, name: str, **claims: Any) -> None:
        """Have the provider know `name`, and say this about them."""
        path = self._folder / f"{name}.json"
        path.with_suffix(".new").write_text(json.dumps(claims))
        path.with_suffix(".new").rename(path)

    def settings(self, **changes: Any) -> dict[str, Any]:
        """Return TESSERA_OIDC for this provider."""
        return {
            "issuer": self.issuer,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "name": "Example Institute",
            "scope": "openid profile email",
            "create_accounts": False,
            "match_email": False,
            "groups_claim": "",
            "teams": {},
        } | changes

    def sign_in(self, url: str, name: str) -> str:
        """Do what a person does who is sent to `url`; return where they are sent back to."""
        with httpx.Client() as browser:
            answer = browser.get(url)
            for _ in range(5):
                target = urljoin(str(answer.url), answer.headers.get("Location", ""))
                if answer.is_redirect and not target.startswith(self.issuer):
                    return target
                answer = browser.get(target) if answer.is_redirect else _fill(browser, answer, name)
        raise AssertionError(f"the provider leads nowhere: {answer.status_code} {answer.text}")


def _fill(browser: httpx.Client, page: httpx.Response, name: str) -> httpx.Response:
    form = {
        "username": name,
        "password": PASSWORD,
        "csrfmiddlewaretoken": browser.cookies.get("csrftoken", ""),
    }
    return browser.post(str(page.url), data=form)


# What follows runs in the provider's own process.

_SIGN_IN_PAGE = """<!doctype html><title>Example Institute</title><h1>Example Institute</h1>
<form method="post">{% csrf_token %}<input name="username" aria-label="Name">
<input name="password" type="password" aria-label="Password"><button>Go on</button></form>"""


def _serve(folder: Path, return_addresses: str) -> None:
    from socketserver import ThreadingMixIn
    from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

    _configure(folder)
    from django.core.wsgi import get_wsgi_application

    application = get_wsgi_application()
    _register(return_addresses)

    class Server(ThreadingMixIn, WSGIServer):
        daemon_threads = True

    class Quiet(WSGIRequestHandler):
        def log_message(self, *arguments: object) -> None:
            """Say nothing."""

    server = make_server("127.0.0.1", 0, application, server_class=Server, handler_class=Quiet)
    from oauth2_provider.settings import oauth2_settings

    issuer = f"http://127.0.0.1:{server.server_port}"
    oauth2_settings.OIDC_ISS_ENDPOINT = issuer
    sys.stdout.write(f"{issuer}\n")
    sys.stdout.flush()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()  # it ends when the test does, however that ends
    os._exit(0)


def _configure(folder: Path) -> None:
    import django
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa
    from django.conf import settings

    key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    settings.configure(
        SECRET_KEY="of the provider",
        ALLOWED_HOSTS=["127.0.0.1"],
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": folder / "provider.sqlite3",
                "OPTIONS": {"transaction_mode": "IMMEDIATE"},
            }
        },
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "oauth2_provider",
        ],
        # Tables at once, instead of the history of each.
        MIGRATION_MODULES=dict.fromkeys(("auth", "contenttypes", "sessions", "oauth2_provider")),
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        AUTHENTICATION_BACKENDS=[f"{__name__}.Backend"],
        SESSION_COOKIE_NAME="provider_session",
        CSRF_COOKIE_NAME="csrftoken",
        ROOT_URLCONF=__name__,
        LOGIN_URL="/login/",
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {
                    "loaders": [
                        (
                            "django.template.loaders.locmem.Loader",
                            {"registration/login.html": _SIGN_IN_PAGE},
                        )
                    ]
                },
            }
        ],
        OAUTH2_PROVIDER={
            "OIDC_ENABLED": True,
            "OIDC_RSA_PRIVATE_KEY": pem.decode(),
            "PKCE_REQUIRED": True,
            "SCOPES": {"openid": "", "profile": "", "email": ""},
            "OAUTH2_VALIDATOR_CLASS": f"{__name__}.Validator",
        },
        FOLDER=folder,
    )
    django.setup()
    _define()


def _define() -> None:
    """Make what can only be defined once Django is set up."""
    from django.conf import settings
    from django.contrib.auth.backends import ModelBackend
    from django.contrib.auth.models import User
    from django.contrib.auth.views import LoginView
    from django.http import HttpResponse
    from django.urls import include, path
    from oauth2_provider.oauth2_validators import OAuth2Validator

    def said_about(name: str) -> Mapping[str, Any] | None:
        path_ = settings.FOLDER / f"{name}.json"
        return json.loads(path_.read_text()) if name.isalnum() and path_.exists() else None

    class Backend(ModelBackend):
        def authenticate(
            self, request: object, username: str | None = None, password: str | None = None
        ) -> User | None:
            """Let in whom the folder knows."""
            if username is None or password != PASSWORD or said_about(username) is None:
                return None
            return User.objects.get_or_create(username=username)[0]

    class Validator(OAuth2Validator):
        oidc_claim_scope = None

        def get_additional_claims(self, request: Any) -> Mapping[str, Any]:
            """Say what the folder says."""
            return said_about(request.user.username) or {}

    globals().update(
        Backend=Backend,
        Validator=Validator,
        urlpatterns=[
            path("login/", LoginView.as_view()),
            path("favicon.ico", lambda request: HttpResponse(status=204)),
            path("", include("oauth2_provider.urls", namespace="oauth2_provider")),
        ],
    )


def _register(return_addresses: str) -> None:
    from django.core.management import call_command
    from oauth2_provider.models import get_application_model

    call_command("migrate", run_syncdb=True, verbosity=0)
    application = get_application_model()
    application.objects.create(
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        client_type="confidential",
        authorization_grant_type="authorization-code",
        redirect_uris=return_addresses,
        skip_authorization=True,
        algorithm="RS256",
    )


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), sys.argv[2])
