from pathlib import Path

import pytest

from store_app import roots
from tests.store_app.builders import use_storage


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
def moto_endpoint():
    """The address of a server that speaks S3."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()
