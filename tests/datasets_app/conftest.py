from pathlib import Path

import pytest

from tests.store_app.builders import use_storage


@pytest.fixture(autouse=True)
def _blob_folder(settings, tmp_path: Path) -> None:
    """Give each test a storage of its own."""
    use_storage(
        settings,
        "django.core.files.storage.FileSystemStorage",
        location=str(tmp_path / "blobs"),
    )
