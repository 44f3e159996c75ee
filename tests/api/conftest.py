from pathlib import Path

import pytest
from rest_framework.test import APIClient

from people_app.roles import Role
from tests.api.builders import World, build_world, client_of, member
from tests.store_app.builders import use_storage


@pytest.fixture(autouse=True)
def _blob_folder(settings, tmp_path: Path) -> None:
    """Give each test a storage of its own."""
    use_storage(
        settings,
        "django.core.files.storage.FileSystemStorage",
        location=str(tmp_path / "blobs"),
    )


@pytest.fixture
def world(db) -> World:
    return build_world()


@pytest.fixture
def admin(world: World) -> APIClient:
    return client_of("ada")


@pytest.fixture
def annotator(world: World) -> APIClient:
    return member(world, Role.ANNOTATOR)


@pytest.fixture
def reader(world: World) -> APIClient:
    return member(world, Role.READER)


@pytest.fixture
def stranger(world: World) -> APIClient:
    return client_of("stranger")


@pytest.fixture
def anonymous() -> APIClient:
    return APIClient()
