import os
import subprocess
import sys
from pathlib import Path

import environ
import pytest
from django.core.exceptions import ImproperlyConfigured

from config.settings.secret import stored_secret
from config.settings.storage import blob_storage

_ROOT = Path(__file__).resolve().parent.parent.parent


def test_a_file_url_names_a_folder_also_with_spaces() -> None:
    storage = blob_storage("file:///srv/my%20labels", environ.Env())

    assert storage["BACKEND"].endswith("FileSystemStorage")
    assert storage["OPTIONS"]["location"] == "/srv/my labels"


def test_an_s3_url_names_bucket_and_prefix() -> None:
    storage = blob_storage("s3://labels/team/a", environ.Env())

    assert storage["BACKEND"] == "storages.backends.s3.S3Storage"
    assert (storage["OPTIONS"]["bucket_name"], storage["OPTIONS"]["location"]) == (
        "labels",
        "team/a",
    )


def test_any_other_url_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="ftp"):
        blob_storage("ftp://host/labels", environ.Env())


def test_the_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first = stored_secret(tmp_path)

    assert stored_secret(tmp_path) == first
    assert len(first) >= 50
    assert (tmp_path / "secret_key").stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


@pytest.mark.parametrize(("value", "secure"), [("true", "True"), ("", "False")])
def test_behind_an_https_proxy_cookies_are_secure(tmp_path: Path, value: str, secure: str) -> None:
    variables = {"TESSERA_BEHIND_HTTPS_PROXY": value}

    assert printed_with(tmp_path, variables, "settings.SESSION_COOKIE_SECURE") == secure


@pytest.mark.parametrize("value", ["", "  "])
def test_an_empty_database_url_is_the_sqlite_of_the_data_folder(tmp_path: Path, value: str) -> None:
    variables = {"DATABASE_URL": value}

    assert printed_with(tmp_path, variables, "settings.DATABASES['default']['NAME']") == str(
        tmp_path / "tessera.sqlite3"
    )


def printed_with(folder: Path, variables: dict[str, str], what: str) -> str:
    """What a process of its own, with these variables, prints of its settings."""
    environment = {**os.environ, "TESSERA_DATA_DIR": str(folder), **variables}
    environment["DJANGO_SETTINGS_MODULE"] = "config.settings"
    code = f"from django.conf import settings; print({what})"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=_ROOT, env=environment, capture_output=True, text=True,
        check=True,
    ).stdout.strip()  # fmt: skip
