"""Webhooks over HTTPS, against a server with a certificate of its own."""

import re
import socket
import time
from datetime import timedelta
from pathlib import Path

import pytest

from datasets_app.models import DeliveryState
from datasets_app.webhooks import sending
from datasets_app.webhooks.delivering import attempt
from datasets_app.webhooks.managing import create_webhook, ping_webhook
from tests.datasets_app.builders import author, dataset
from tests.datasets_app.certificates import Authority
from tests.datasets_app.receivers import receiver

pytestmark = pytest.mark.django_db

HOST = "hooks.example"
GUIDE = Path(__file__).resolve().parent.parent.parent / "docs" / "formats" / "webhooks.md"


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(autouse=True)
def _the_host_is_this_machine(settings, monkeypatch, authority):
    settings.TESSERA_WEBHOOK_ALLOW = ["127.0.0.0/8"]
    settings.TESSERA_WEBHOOK_CA_FILE = str(authority.file)
    real = socket.getaddrinfo

    def resolve(host, *args, **kwargs):
        named = isinstance(host, str) and host.rstrip(".").endswith(".example")
        return real("127.0.0.1" if named else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


def deliver(port, host=HOST):
    """Send a ping; return its delivery and the secret that it was signed with."""
    made = create_webhook(
        dataset=dataset(),
        url=f"https://{host}:{port}/hook",
        events=["tag.created"],
        actor=author(),
    )
    delivery = ping_webhook(webhook=made.webhook, actor=author())
    attempt(delivery.pk)
    delivery.refresh_from_db()
    return delivery, made.secret


@pytest.mark.parametrize("host", [HOST, f"{HOST}.", HOST.upper()])
def test_a_receiver_that_can_prove_its_name_is_told(authority, host):
    with receiver(tls=authority.server_context(HOST)) as there:
        delivery, secret = deliver(there.port, host)
    assert (delivery.state, delivery.problem) == (DeliveryState.DELIVERED, "")
    assert there.received[0].is_signed_with(secret)


def test_an_authority_that_nobody_named_is_not_believed(authority, settings):
    settings.TESSERA_WEBHOOK_CA_FILE = ""
    with receiver(tls=authority.server_context(HOST)) as there:
        delivery, _ = deliver(there.port)
    assert delivery.problem == "unreachable: the certificate is not valid for the host"
    assert (delivery.state, there.received) == (DeliveryState.WAITING, [])


def test_a_certificate_of_another_host_is_refused(authority):
    with receiver(tls=authority.server_context("other.example")) as there:
        delivery, _ = deliver(there.port)
    assert delivery.problem == "unreachable: the certificate is not valid for the host"
    assert there.received == []


def test_a_certificate_that_has_run_out_is_refused(authority):
    context = authority.server_context("old.example", valid_for=timedelta(days=-1))
    with receiver(tls=context) as there:
        delivery, _ = deliver(there.port, "old.example")
    assert delivery.problem == "unreachable: the certificate is not valid for the host"
    assert there.received == []


def test_a_receiver_that_speaks_no_tls_is_told_nothing():
    with receiver() as there:
        delivery, _ = deliver(there.port)
    assert delivery.problem.startswith("unreachable: no TLS")
    assert there.received == []


def test_a_handshake_that_never_ends_ends_in_time(monkeypatch):
    monkeypatch.setattr(sending, "CONNECT_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        began = time.monotonic()
        delivery, _ = deliver(silent.getsockname()[1])
        assert time.monotonic() - began < 3
    assert delivery.problem.startswith("unreachable: no TLS")
    assert delivery.state == DeliveryState.WAITING


def test_the_receiver_of_the_guide_knows_what_is_genuine(authority):
    code = re.search(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)[1]
    assert len(code.splitlines()) <= 10
    guide: dict = {}
    exec(code, guide)
    with receiver(tls=authority.server_context(HOST)) as there:
        _, secret = deliver(there.port)
    message = there.received[0]
    signature = message.headers["Tessera-Signature"]
    assert guide["is_genuine"](secret, signature, message.body)
    assert not guide["is_genuine"](secret, signature, message.body + b" ")
    assert not guide["is_genuine"]("whsec_other", signature, message.body)
    assert not guide["is_genuine"](secret, signature, message.body, now=time.time() + 301)
