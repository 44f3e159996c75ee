"""Datasets and readers of pages that the tests of this folder need."""

from __future__ import annotations

import io
from html.parser import HTMLParser

from PIL import Image as Picture

from datasets_app.actions.branches import create_branch
from datasets_app.actions.commits import ImageChange
from datasets_app.actions.datasets import create_dataset
from datasets_app.actions.migrations import migrate_branch
from datasets_app.entries import Status
from datasets_app.models import Dataset, Version
from datasets_app.models.dataset import Visibility
from datasets_app.photos import PhotoInfo, register_photos
from labels_app.actions.drafts import edit_draft, publish_draft
from people_app.actions.roles import grant_role
from people_app.models import User
from people_app.roles import Role
from store_app.blobs import new_blob, put_blobs
from tests.datasets_app.builders import author, commit_to, put_label, taxonomy

ROAD, CAR, SKY = 1, 2, 3


def shared_dataset(slug: str = "town", *, public: bool = False) -> Dataset:
    """An empty dataset with a road, cars and a sky."""
    return create_dataset(
        slug=slug,
        title=f"The {slug}",
        taxonomy=taxonomy().taxonomy,
        actor=author(),
        visibility=Visibility.PUBLIC if public else Visibility.PRIVATE,
    )


def member(dataset: Dataset, name: str = "mia") -> User:
    """Someone who may read a dataset."""
    user = User.objects.create_user(name, password="correct horse")
    grant_role(user=user, resource=dataset, role=Role.READER, actor=author())
    return user


def history(dataset: Dataset) -> tuple[Version, Version]:
    """Two versions on main: the second reshapes a car, drops an image and adds one."""
    first = commit_to(
        dataset,
        [
            ImageChange(
                "a.png",
                image=photo(1),
                label=put_label("3333 1122 1122", {1: ROAD, 2: CAR, 3: SKY}),
                split="train",
                status=Status.LABELLED,
            ),
            ImageChange("b.png", label=put_label("3333 1111 1111", {1: ROAD, 3: SKY})),
            ImageChange("c.png", image=photo(2)),
        ],
        message="Begin",
    )
    second = commit_to(
        dataset,
        [
            ImageChange(
                "a.png",
                label=put_label("3333 1112 1112", {1: ROAD, 2: CAR, 3: SKY}),
                status=Status.REVIEWED,
            ),
            ImageChange("b.png", delete=True),
            ImageChange("d.png", label=put_label("22 22", {2: CAR}), split="val"),
        ],
        message="Mend the car",
    )
    return first, second


def migrated(dataset: Dataset, head: Version) -> Version:
    """A version after `head` on main, whose taxonomy calls cars automobiles."""
    present = head.taxonomy_version
    rename = {"op": "rename", "class": CAR, "name": "automobile"}
    edit_draft(taxonomy=present.taxonomy, expected_revision=0, operations=[rename], actor=author())
    published = publish_draft(
        taxonomy=present.taxonomy, expected_revision=1, message="As they say", actor=author()
    )
    return migrate_branch(
        dataset=dataset,
        branch="main",
        expected_head=head.version_id,
        taxonomy_version=published,
        author=author(),
    )


def branch(dataset: Dataset, name: str, head: Version) -> None:
    """A branch that points to a version."""
    create_branch(dataset=dataset, name=name, head=head, actor=author())


def photo(shade: int) -> bytes:
    """Store a small photograph, and return its digest."""
    file = io.BytesIO()
    Picture.new("RGB", (4, 3), (shade, shade, shade)).save(file, "JPEG")
    blob = new_blob(file.getvalue(), "raw")
    put_blobs([blob])
    register_photos([PhotoInfo(blob.digest, "image/jpeg", 3, 4, 3, 4)])
    return blob.digest


class Page(HTMLParser):
    """A page as its reader meets it: text, links, pictures, and what a strict CSP forbids."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.links: list[str] = []
        self.pictures: list[dict[str, str | None]] = []
        self.headings = 0
        self.labelled: set[str | None] = set()
        self.inline: list[str] = []
        self.feed(html)

    @property
    def text(self) -> str:
        """All text, spaces as one."""
        return " ".join(" ".join(self.texts).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what matters."""
        given = dict(attrs)
        self.headings += tag == "h1"
        if tag == "a":
            self.links.append(given.get("href") or "")
        if tag == "img":
            self.pictures.append(given)
        if tag == "style" or (tag == "script" and "src" not in given):
            self.inline.append(tag)
        self.inline += [
            f"{tag} {name}"
            for name, value in attrs
            if name == "style" or name.startswith("on") or (value or "").startswith("javascript:")
        ]

    handle_startendtag = handle_starttag

    def handle_data(self, data: str) -> None:
        """Keep text."""
        self.texts.append(data)
