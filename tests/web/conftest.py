from pathlib import Path

import pytest

from tests.store_app.builders import use_storage


@pytest.fixture(autouse=True)
def _folders(settings, tmp_path: Path) -> None:
    """Give each test a storage of its own, and whitenoise a folder to look into."""
    use_storage(
        settings,
        "django.core.files.storage.FileSystemStorage",
        location=str(tmp_path / "blobs"),
    )
    settings.STATIC_ROOT = tmp_path / "static"
    settings.STATIC_ROOT.mkdir()
