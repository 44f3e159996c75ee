from collections.abc import Iterator
from pathlib import Path

import pytest

from store_app import roots
from tests.store_app.builders import s3_server, use_storage


@pytest.fixture(autouse=True)
def blob_folder(settings, tmp_path: Path) -> Path:
    """Give each test a storage of its own."""
    folder = tmp_path / "blobs"
    use_storage(
        settings,
        "django.core.files.storage.FileSystemStorage",
        location=str(folder),
    )
    return folder


@pytest.fixture(autouse=True)
def _no_roots(monkeypatch) -> None:
    """Let each test register its own roots."""
    monkeypatch.setattr(roots, "_registered", {})
    monkeypatch.setattr(roots, "_sweepers", {})


@pytest.fixture(scope="session")
def moto_endpoint() -> Iterator[str]:
    """The address of a server that speaks S3."""
    with s3_server() as address:
        yield address
