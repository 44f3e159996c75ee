"""The production settings, as a process of its own reads them from its environment."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent.parent
_LINES = (_ROOT / "docs/guides/production/tessera.env").read_text().splitlines()
# What the guide for operators tells them to set; the key is the one thing that they make.
PRODUCTION = {
    **dict(line.split("=", 1) for line in _LINES if line and not line.startswith("#")),
    "DJANGO_SETTINGS_MODULE": "config.settings",
    "TESSERA_SECRET_KEY": "".join(chr(33 + number % 90) for number in range(80)),
}


def run(folder: Path, *arguments: str, **changes: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, **PRODUCTION, "TESSERA_DATA_DIR": str(folder), **changes}
    return subprocess.run(
        [sys.executable, *arguments], cwd=_ROOT, env=environment, capture_output=True, text=True
    )


def check(folder: Path, **changes: str) -> "subprocess.CompletedProcess[str]":
    return run(folder, "manage.py", "check", "--deploy", "--fail-level", "WARNING", **changes)


@pytest.mark.slow
def test_the_production_settings_pass_every_check_of_deployment(tmp_path: Path) -> None:
    found = check(tmp_path)
    assert found.returncode == 0, found.stderr


@pytest.mark.slow
def test_a_service_without_https_does_not_pass(tmp_path: Path) -> None:
    found = check(tmp_path, TESSERA_BEHIND_HTTPS_PROXY="false")
    assert found.returncode == 1
    assert "security.W012" in found.stderr


REQUESTS = """
import django; django.setup()
from django.test import Client
https = {"HTTP_HOST": "labels.example.org", "HTTP_X_FORWARDED_PROTO": "https"}
healthy = Client().get("/healthz", **https)
for name in ("Strict-Transport-Security", "X-Content-Type-Options", "X-Frame-Options",
             "Referrer-Policy", "Cross-Origin-Opener-Policy"):
    print(healthy.headers.get(name))
print("default-src 'none'" in healthy.headers["Content-Security-Policy"])
print(Client().get("/api/v1/tokens/", HTTP_HOST="labels.example.org").headers.get("Location"))
print(Client().get("/healthz", HTTP_HOST="labels.example.org").status_code)
refused = Client().get("/api/v1/tokens/", HTTP_HOST="evil.example", HTTP_X_FORWARDED_PROTO="https")
print(refused.status_code, refused.headers["Content-Type"])
"""


def test_production_answers_with_headers_leads_to_https_and_refuses_hosts(tmp_path: Path) -> None:
    lines = run(tmp_path, "-c", REQUESTS).stdout.splitlines()
    assert lines == [
        "max-age=31536000", "nosniff", "DENY", "same-origin", "same-origin", "True",
        "https://labels.example.org/api/v1/tokens/", "200", "400 application/problem+json",
    ]  # fmt: skip
