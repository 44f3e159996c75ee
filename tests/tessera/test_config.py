"""What the client keeps between runs, and to whom it shows a token."""

import stat
import threading
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tessera.config import clean_url, forget_token, load_config, save_token
from tessera.errors import UsageError
from tests.laws import examples

HOUSE = "https://labels.example.org"


def config_in(folder, **environment):
    return load_config({"TESSERA_CONFIG_DIR": str(folder), **environment})


def test_a_token_is_kept_for_its_service_and_for_no_other(tmp_path):
    save_token(config_in(tmp_path), HOUSE, "secret")
    config = config_in(tmp_path)
    assert config.token_of(HOUSE + "/") == "secret"
    assert config.token_of("https://labels.example.org.evil.example") == ""
    assert config.token_of("http://labels.example.org") == ""
    assert config.url == HOUSE


def test_credentials_are_read_by_their_owner_alone(tmp_path):
    folder = tmp_path / "new"
    path = save_token(config_in(folder), HOUSE, "secret")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_credentials_that_others_could_read_are_closed(tmp_path):
    (tmp_path / "credentials.toml").write_text("")
    (tmp_path / "credentials.toml").chmod(0o644)
    path = save_token(config_in(tmp_path), HOUSE, "secret")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_two_who_sign_in_at_once_leave_whole_files(tmp_path):
    urls = [f"https://{n}.example.org" for n in range(8)]
    threads = [
        threading.Thread(target=save_token, args=(config_in(tmp_path), url, url)) for url in urls
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    kept = tomllib.loads((tmp_path / "credentials.toml").read_text())
    assert all(kept[url] == {"token": url} for url in kept)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.toml", "credentials.toml"]


def test_a_forgotten_token_is_gone(tmp_path):
    config = config_in(tmp_path)
    save_token(config, HOUSE, "secret")
    assert forget_token(config, HOUSE)
    assert config.token_of(HOUSE) == ""
    assert not forget_token(config, HOUSE)


@examples(30)
@given(token=st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_any_token_comes_back(tmp_path_factory, token):
    folder = tmp_path_factory.mktemp("config")
    save_token(config_in(folder), HOUSE, token)
    assert config_in(folder).token_of(HOUSE) == token


def test_signing_in_leaves_the_rest_of_the_settings_as_they_were_written(tmp_path):
    written = '# mine\nurl = "http://old"\nconnections = 7\n\n[other]\nurl = "x"\nlist = [1, 2]\n'
    (tmp_path / "config.toml").write_text(written)
    save_token(config_in(tmp_path), HOUSE, "secret")
    text = (tmp_path / "config.toml").read_text()
    assert "# mine\n" in text
    assert tomllib.loads(text) == {
        "url": HOUSE,
        "connections": 7,
        "other": {"url": "x", "list": [1, 2]},
    }


def test_the_environment_wins(tmp_path):
    (tmp_path / "config.toml").write_text('url = "http://old"\nconnections = 7\n')
    config = config_in(
        tmp_path, TESSERA_URL=HOUSE, TESSERA_CONNECTIONS="2", TESSERA_CACHE_DIR="/tmp/cache"
    )
    assert (config.url, config.connections, str(config.cache_dir)) == (HOUSE, 2, "/tmp/cache")


def test_the_token_of_the_environment_is_for_its_service_alone(tmp_path):
    config = config_in(tmp_path, TESSERA_URL=HOUSE, TESSERA_TOKEN="from-ci")
    assert config.token_of(HOUSE) == "from-ci"
    assert config.token_of("https://elsewhere.example.org") == ""


def test_the_token_of_the_environment_serves_where_no_service_is_known(tmp_path):
    assert config_in(tmp_path, TESSERA_TOKEN="from-ci").token_of(HOUSE) == "from-ci"


@pytest.mark.parametrize("value", ["0", "65", "many", "-1", "1.5"])
def test_connections_that_make_no_sense_are_refused(tmp_path, value):
    with pytest.raises(UsageError, match="connections"):
        config_in(tmp_path, TESSERA_CONNECTIONS=value)


@pytest.mark.parametrize("name", ["config.toml", "credentials.toml"])
def test_a_file_that_is_no_toml_is_named(tmp_path, name):
    (tmp_path / name).write_text("= broken")
    with pytest.raises(UsageError, match=name):
        config_in(tmp_path).token_of(HOUSE)


def test_credentials_of_another_shape_are_no_token(tmp_path):
    (tmp_path / "credentials.toml").write_text(f'"{HOUSE}" = "secret"\n')
    assert config_in(tmp_path).token_of(HOUSE) == ""


@pytest.mark.parametrize(
    ("url", "cleaned"),
    [
        ("https://Labels.Example.org/", "https://labels.example.org"),
        ("HTTP://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("https://a.example.org:443/tessera/", "https://a.example.org/tessera"),
        ("http://[::1]:80/", "http://[::1]"),
    ],
)
def test_an_address_has_one_form(url, cleaned):
    assert clean_url(url) == cleaned


@pytest.mark.parametrize(
    "url",
    ["", "labels.example.org", "ftp://a", "https://", "https://me:pw@a", "http://a?x=1",
     "http://a#b", "http://a:port", "http://a:99999", "http://a b", "https://[::1"],
)  # fmt: skip
def test_what_is_no_address_is_refused(url):
    with pytest.raises(UsageError):
        clean_url(url)


def test_a_password_in_an_address_is_not_repeated():
    with pytest.raises(UsageError) as caught:
        clean_url("https://me:hunter2@a.example.org")
    assert "hunter2" not in str(caught.value)
