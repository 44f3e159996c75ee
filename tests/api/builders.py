"""A small dataset with a history, and clients of people with and without rights in it."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from django.utils import timezone
from PIL import Image as PillowImage
from rest_framework.test import APIClient

from datasets_app.actions.branches import create_branch
from datasets_app.actions.datasets import create_dataset
from datasets_app.actions.tags import create_tag
from datasets_app.attributes import put_attributes
from datasets_app.entries import Status
from datasets_app.models import Dataset, Version
from datasets_app.photos import PhotoInfo, register_photos
from datasets_app.staging import ImageChange
from labels_app.actions.taxonomies import create_taxonomy
from labels_app.classes import ClassSpec
from labels_app.revisions import register_labels
from panoptic.codec import pack_label
from people_app.actions.roles import grant_role
from people_app.actions.tokens import create_token
from people_app.models import Token, User
from people_app.roles import Role
from store_app.blobs import put_file
from tests.builders import stack
from tests.datasets_app.builders import commit_to, put_label

API = "/api/v1"
STREETS = f"{API}/datasets/streets"

ROAD, CAR, SKY = 1, 2, 3
CLASSES = (
    ClassSpec("road", "stuff", ROAD, "#804080", external={"coco": 149, "city": 7}),
    ClassSpec("car", "thing", CAR, "#00008e", external={"coco": 3, "city": 26}),
    ClassSpec("sky", "stuff", SKY, "#4682b4", external={"coco": 187}),
)
FIRST = ("3333 1221 1111", {1: ROAD, 2: CAR, 3: SKY})
SECOND = ("3333 1222 1111", {1: ROAD, 2: CAR, 3: SKY})


@dataclass(frozen=True)
class World:
    """The dataset "streets": three versions of a.png, b.png, c.png and night/d.png.

    v1: a (label FIRST, photograph), b (layered), c (no label); v2: a has the label SECOND;
    v3: c is gone and night/d.png is there. Branch feature/night is at v2, tag v1.0 at v1.
    """

    dataset: Dataset
    versions: tuple[Version, Version, Version]
    photo: bytes

    @property
    def ids(self) -> list[str]:
        """The full ids of v1, v2 and v3."""
        return [version.id_hex for version in self.versions]


def build_world(slug: str = "streets", visibility: str = "private") -> World:
    """Make the dataset; ada is its admin."""
    ada = person("ada")
    dataset = create_dataset(
        slug=slug,
        taxonomy=create_taxonomy(slug=f"{slug}-classes", classes=CLASSES, actor=ada).taxonomy,
        actor=ada,
        title="Streets",
        visibility=visibility,
    )
    photo = png(3, 4)
    [attributes] = put_attributes([{"scene": "day"}])
    changes = [
        ImageChange(
            "a.png", put_photo(photo, 3, 4), put_label(*FIRST), "train", attributes=attributes
        ),
        ImageChange("b.png", label=put_layered(), split="val", status=Status.REVIEWED),
        ImageChange("c.png", split="val"),
    ]
    first = commit_to(dataset, changes, message="First", author=ada)
    again = [ImageChange("a.png", label=put_label(*SECOND))]
    second = commit_to(dataset, again, message="Second", author=ada)
    create_branch(dataset=dataset, name="feature/night", head=second, actor=ada)
    night = [
        ImageChange("c.png", delete=True),
        ImageChange("night/d.png", label=put_label("11 12", {1: ROAD, 2: CAR})),
    ]
    third = commit_to(dataset, night, message="Third", author=ada)
    create_tag(dataset=dataset, name="release/1.0", version=first, actor=ada, message="Paper")
    return World(dataset, (first, second, third), photo)


def person(name: str, **fields: Any) -> User:
    """An account; the same for the same name."""
    return User.objects.get_or_create(username=name, defaults=fields)[0]


def member(world: World, role: Role) -> APIClient:
    """A client of somebody with this role in the dataset."""
    user = person(f"a-{role}")
    grant_role(user=user, resource=world.dataset, role=role, actor=None)
    return client_of(user)


def client_of(user: User | str, **token: Any) -> APIClient:
    """A client that signs in with a token, as programs do."""
    user = person(user) if isinstance(user, str) else user
    made = create_token(user=user, **token)
    # Or the first request of each test would write when the token was used.
    Token.objects.filter(pk=made.token.pk).update(last_used_at=timezone.now())
    return APIClient(HTTP_AUTHORIZATION=f"Token {made.secret}")


def put_layered() -> bytes:
    """Store a label of two cars, one in front of the other, and return its digest."""
    classes = {1: ROAD, 2: CAR, 3: CAR}
    packed = pack_label(stack("1111 1111", ".22. .22.", "..33 ....", classes=classes))
    register_labels([packed])
    return packed.digest


def put_photo(data: bytes, height: int, width: int, media_type: str = "image/png") -> bytes:
    """Store a photograph and what its header says."""
    digest = put_file(io.BytesIO(data))
    register_photos([PhotoInfo(digest, media_type, height, width, height, width)])
    return digest


def png(height: int, width: int) -> bytes:
    """A photograph: a slope of grey."""
    pixels = np.linspace(0, 255, height * width * 3).astype(np.uint8).reshape(height, width, 3)
    buffer = io.BytesIO()
    PillowImage.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def pixels_of(data: bytes) -> Any:
    """The pixels of a picture as an array."""
    with PillowImage.open(io.BytesIO(data)) as picture:
        return np.asarray(picture)


def body_of(response: Any) -> bytes:
    """The bytes of an answer, streamed or not."""
    return b"".join(response.streaming_content) if response.streaming else response.content


def walk(client: APIClient, url: str) -> list[Any]:
    """Every row of a list, page after page by `next`."""
    rows: list[Any] = []
    following: str | None = url
    while following:
        response = client.get(following)
        assert response.status_code == 200, response.content
        page = response.json()
        rows += page["results"]
        following = page["next"]
    return rows
