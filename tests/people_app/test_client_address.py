import pytest

from people_app.client_address import client_address


@pytest.mark.parametrize(
    ("trusted", "remote", "forwarded", "client"),
    [
        ([], "192.0.2.7", "198.51.100.1", "192.0.2.7"),
        (["10.0.0.0/8"], "192.0.2.7", "198.51.100.1", "192.0.2.7"),
        (["10.0.0.0/8"], "10.0.0.1", "198.51.100.1", "198.51.100.1"),
        (["10.0.0.0/8"], "10.0.0.1", "6.6.6.6, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        (["10.0.0.0/8"], "10.0.0.1", "", "10.0.0.1"),
        (["10.0.0.0/8"], "10.0.0.1", "nonsense", "10.0.0.1"),
        (["10.0.0.0/8"], "10.0.0.1", "10.0.0.3", "10.0.0.3"),
        (["10.0.0.0/8"], "::ffff:10.0.0.1", "[2001:db8::1]:443", "2001:db8::1"),
        (["2001:db8::/32"], "2001:db8::2", "198.51.100.1:8080", "198.51.100.1"),
        (["unix"], "", "198.51.100.1", "198.51.100.1"),
        ([], "", "198.51.100.1", ""),
    ],
)
def test_only_trusted_proxies_say_who_the_client_is(settings, trusted, remote, forwarded, client):
    settings.TESSERA_TRUSTED_PROXIES = trusted
    meta = {"REMOTE_ADDR": remote, "HTTP_X_FORWARDED_FOR": forwarded}
    assert client_address(meta) == client
