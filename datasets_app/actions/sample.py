"""Make the generated sample dataset, version by version, as its story tells it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.db import transaction

from datasets_app.actions.branches import create_branch
from datasets_app.actions.commits import commit
from datasets_app.actions.datasets import create_dataset
from datasets_app.actions.tags import create_tag
from datasets_app.attributes import put_attributes
from datasets_app.bulk import batched
from datasets_app.entries import Status
from datasets_app.errors import NameTaken
from datasets_app.jobs.executor import map_shards
from datasets_app.jobs.kinds import Progress, silent
from datasets_app.models import Dataset, Version, Visibility
from datasets_app.photos import PhotoInfo, register_photos
from datasets_app.sample.making import MadeImage, SampleShard, make_shard
from datasets_app.sample.story import SampleStory, Step
from datasets_app.sample.taxonomy import SampleClass, sample_classes
from datasets_app.staging import ImageChange
from labels_app.actions.taxonomies import create_taxonomy
from labels_app.classes import ClassSpec
from labels_app.revisions import register_labels
from people_app.actions.roles import grant_role
from people_app.models import User
from people_app.roles import Role
from store_app.blobs import put_files

# A fixed calendar: the same seed makes the same versions, ids included.
_FIRST_DAY = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
_DAYS_APART = 9
_IMAGES_PER_SHARD = 8
_IMAGES_PER_BATCH = 512


@transaction.atomic
def create_sample(
    slug: str,
    story: SampleStory,
    *,
    actor: User,
    photos: bool = True,
    visibility: Visibility = Visibility.PRIVATE,
    progress: Progress = silent,
) -> Dataset:
    """Make a dataset of generated scenes with all versions, branches and tags of its story.

    It appears whole or not at all: half a story would be mistaken for the sample. On SQLite
    other writers wait meanwhile.

    Raises
    ------
    NameTaken
        There is a dataset or a taxonomy of this name.
    """
    if Dataset.objects.filter(slug=slug).exists():
        raise NameTaken("dataset", slug)
    taxonomy = create_taxonomy(
        slug=slug,
        title="Street scenes",
        classes=[_spec(sample) for sample in sample_classes()],
        actor=actor,
        message="The classes of the sample",
    ).taxonomy
    dataset = create_dataset(
        slug=slug,
        title="Streets and parks",
        description=(
            "A generated dataset: scenes with exact labels, and the mistakes and mends of people "
            "who label them."
        ),
        taxonomy=taxonomy,
        actor=actor,
        visibility=visibility,
    )
    total = sum(len(story.changed_indices(step.name)) for step in story.steps)
    made: dict[str, Version] = {}
    done = 0
    for number, step in enumerate(story.steps):
        done = _make_step(dataset, story, step, number, made, photos, progress, done, total)
    return dataset


def _make_step(
    dataset: Dataset,
    story: SampleStory,
    step: Step,
    number: int,
    made: dict[str, Version],
    photos: bool,
    progress: Progress,
    done: int,
    total: int,
) -> int:
    parent = made[step.parent] if step.parent else None
    author = _author(step.author, dataset)
    if parent is not None and step.branch != step.parent_branch:
        create_branch(dataset=dataset, name=step.branch, head=parent, actor=author)
    shards = (
        SampleShard(
            story.seed, step.name, step.parent, indices, story.tiny, photos and not story.tiny
        )
        for indices in batched(story.changed_indices(step.name).tolist(), _IMAGES_PER_SHARD)
    )
    images = (image for shard in map_shards(make_shard, shards) for image in shard)
    changes: list[ImageChange] = []
    for batch in batched(images, _IMAGES_PER_BATCH):
        changes += _store(batch)
        done += len(batch)
        progress(done, total, step.message)
    made[step.name] = commit(
        dataset=dataset,
        branch=step.branch,
        expected_head=parent.version_id if parent else None,
        changes=changes,
        message=step.message,
        author=author,
        created_at=_FIRST_DAY + timedelta(days=_DAYS_APART * number),
    )
    if step.tag:
        create_tag(dataset=dataset, name=step.tag, version=made[step.name], actor=author)
    return done


def _store(batch: list[MadeImage]) -> Iterator[ImageChange]:
    """Store what a batch brings and yield its changes."""
    register_labels(made.encoded for made in batch if made.encoded)
    attributes = put_attributes([made.image.attributes if made.image else None for made in batch])
    with_photo = [made for made in batch if made.photo]
    digests = list(put_files(io.BytesIO(made.photo) for made in with_photo if made.photo))
    register_photos(
        PhotoInfo(digest, "image/jpeg", *([made.image.height, made.image.width] * 2))
        for digest, made in zip(digests, with_photo, strict=True)
        if made.image
    )
    photo_of = dict(zip((made.name for made in with_photo), digests, strict=True))
    for made, attribute in zip(batch, attributes, strict=True):
        if made.image is None:
            yield ImageChange(made.name, delete=True)
            continue
        change = ImageChange(
            made.name,
            label=made.encoded.digest if made.encoded else None,
            split=made.image.split,
            status=Status(made.image.status),
            attributes=attribute,
        )
        yield change._replace(image=photo_of[made.name]) if made.name in photo_of else change


def _author(username: str, dataset: Dataset) -> User:
    """Return one of the people of the story; nobody can sign in as them."""
    user, created = User.objects.get_or_create(username=username)
    if created:
        user.set_unusable_password()
        user.save(update_fields=["password"])
    grant_role(user=user, resource=dataset, role=Role.ANNOTATOR, actor=None)
    return user


def _spec(sample: SampleClass) -> ClassSpec:
    return ClassSpec(
        name=sample.name,
        kind=sample.kind,
        class_id=sample.class_id,
        color=sample.color,
        description=sample.description,
        external=dict(sample.external),
    )
