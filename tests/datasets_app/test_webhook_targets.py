"""Where webhooks may go, and where never."""

import socket

import pytest

from datasets_app.models import DeliveryState
from datasets_app.webhooks.delivering import attempt
from datasets_app.webhooks.errors import InvalidWebhookUrl
from datasets_app.webhooks.managing import create_webhook, ping_webhook
from datasets_app.webhooks.targets import check_address, parse_target
from tests.datasets_app.builders import author, dataset
from tests.datasets_app.receivers import receiver

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _this_machine_is_allowed(settings):
    settings.TESSERA_WEBHOOK_ALLOW = ["127.0.0.0/8"]


def pinged(url):
    """A waiting message to a new webhook."""
    made = create_webhook(dataset=dataset(), url=url, events=["tag.created"], actor=author())
    return ping_webhook(webhook=made.webhook, actor=author())


FORBIDDEN = [
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "0.1.2.3", "10.1.2.3", "172.16.0.1", "192.168.1.1",
    "169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "224.0.0.1",
    "240.0.0.1", "255.255.255.255", "198.18.0.1", "::", "::1", "fe80::1", "fe80::1%eth0",
    "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "::ffff:127.0.0.1",
    "::ffff:169.254.169.254", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b:1::1", "2002:7f00:1::", "2001:db8::1", "2002:0a00:0001::1",
]  # fmt: skip


@pytest.mark.parametrize("address", FORBIDDEN)
def test_nothing_is_sent_into_a_network_that_is_not_public(settings, monkeypatch, address):
    settings.TESSERA_WEBHOOK_ALLOW = []
    delivery = pinged("https://receiver.example/")
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    public = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.215.14", 443))
    private = (family, socket.SOCK_STREAM, 6, "", (address, 443))
    # One forbidden address among public ones is enough.
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: [public, private])
    monkeypatch.setattr(socket, "create_connection", refuse)
    assert not attempt(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.attempts) == (DeliveryState.FAILED, 1)
    assert delivery.problem == "forbidden_target: the host's address is not a public one"


def refuse(*args, **kwargs):
    raise AssertionError(f"something was sent to {args}")


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_public_addresses_are_open(settings, address):
    settings.TESSERA_WEBHOOK_ALLOW = []
    check_address(address, 443)


def test_a_name_that_resolves_otherwise_a_moment_later_changes_nothing(settings, monkeypatch):
    # The first answer is allowed; whoever asks again is led elsewhere.
    with receiver() as there, receiver() as victim:
        settings.TESSERA_WEBHOOK_ALLOW = ["127.0.0.1/32"]
        answers = [("127.0.0.1", there.port), ("127.0.0.2", victim.port)]
        asked = []
        real = socket.getaddrinfo

        def resolve(host, port, *args, **kwargs):
            if host != "rebind.example":
                return real(host, port, *args, **kwargs)
            asked.append(host)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", answers[len(asked) - 1])]

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        assert attempt(pinged(f"http://rebind.example:{there.port}/").pk)
    assert asked == ["rebind.example"]
    assert victim.received == []
    assert there.received[0].headers["Host"] == f"rebind.example:{there.port}"


SPELLINGS = [
    "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "localhost", "localhost.", "0",
    "LOCALHOST", "127.0.0.1.",
]  # fmt: skip


@pytest.mark.parametrize("host", SPELLINGS)
def test_other_spellings_of_this_machine_reach_nothing(settings, host):
    settings.TESSERA_WEBHOOK_ALLOW = ["192.0.2.0/24"]
    with receiver() as there:
        delivery = pinged(f"http://{host}:{there.port}/")
        assert not attempt(delivery.pk)
    assert there.received == []


@pytest.mark.parametrize(
    "host", ["2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.43518"]
)
def test_other_spellings_of_the_metadata_address_reach_nothing(settings, monkeypatch, host):
    settings.TESSERA_WEBHOOK_ALLOW = ["127.0.0.0/8"]
    monkeypatch.setattr(socket, "create_connection", refuse)
    delivery = pinged(f"http://{host}/latest/meta-data/")
    assert not attempt(delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.problem[:16]) == (DeliveryState.FAILED, "forbidden_target")


def test_an_allowed_address_may_be_one_of_ipv6(settings):
    settings.TESSERA_WEBHOOK_ALLOW = ["::1/128"]
    with receiver(host="[::1]") as there:
        assert attempt(pinged(there.url).pk)
    assert there.received[0].headers["Host"] == f"[::1]:{there.port}"


def test_no_redirect_leads_to_where_nothing_may_be_sent(settings):
    with receiver() as victim, receiver(307, Location=victim.url) as there:
        settings.TESSERA_WEBHOOK_ALLOW = ["127.0.0.1/32"]
        assert not attempt(pinged(there.url).pk)
    assert victim.received == []


def test_allowed_networks_have_all_ports_and_others_the_configured_ones(settings):
    settings.TESSERA_WEBHOOK_ALLOW = ["10.0.0.0/8"]
    settings.TESSERA_WEBHOOK_PORTS = [443]
    parse_target("http://10.1.2.3:5432/")
    parse_target("https://93.184.215.14/")
    with pytest.raises(InvalidWebhookUrl, match="port 80"):
        parse_target("http://93.184.215.14/")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org/", "file:///etc/passwd", "//example.org/", "example.org", "",
        "http://", "http:///x", "http://user@example.org/", "http://a:b@example.org/",
        "https://example.org/#x", "https://example.org:99999/", "https://example.org:0/",
        "https://exa mple.org/", "https://example.org/\r\nX: y", "https://exämple.org/",
        "https://example.org\\@10.0.0.1/", "https://[::1/", "http://127.0.0.1/",
        "http://127.0.0.1@example.org/", "http://example.org@127.0.0.1/", "http://@example.org/",
        "http://example.org:80@127.0.0.1/", "http://example.org%40127.0.0.1/", "http://[::]/",
        "http://[::ffff:a9fe:a9fe]/", "http://[fe80::1%25eth0]/", "http://[fe80::1]/",
        "http://[fd00:ec2::254]/", "http://100.100.100.200/", "http://[::1]/", "http://0.0.0.0/",
        "http://[::ffff:127.0.0.1]/", "http://169.254.169.254/latest/", "https://example.org:22/",
        f"https://example.org/{'x' * 2_000}", "gopher://example.org/",
    ],
)  # fmt: skip
def test_a_url_that_no_webhook_can_have_is_refused(settings, url):
    settings.TESSERA_WEBHOOK_ALLOW = []
    with pytest.raises(InvalidWebhookUrl):
        parse_target(url)
