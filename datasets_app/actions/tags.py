"""Make tags."""

from __future__ import annotations

from django.db import IntegrityError, transaction

from datasets_app.errors import NameTaken, NotFound
from datasets_app.manifest import manifest_sha256
from datasets_app.models import Dataset, Tag, Version
from datasets_app.names import clean_ref_name
from people_app.audit import record
from people_app.models import User


def create_tag(
    *, dataset: Dataset, name: str, version: Version, actor: User, message: str = ""
) -> Tag:
    """Name a version for ever. Reads the whole version, for the digest of its manifest.

    Raises
    ------
    InvalidName, NameTaken
    NotFound
        The version is another dataset's.
    """
    name = clean_ref_name(name)
    if version.dataset_id != dataset.pk:
        raise NotFound("version", version.id_hex)
    if Tag.objects.filter(dataset=dataset, name=name).exists():
        raise NameTaken("tag", name)
    # A version never changes, so that its manifest needs no transaction, and nobody waits.
    digest = manifest_sha256(version)
    try:
        with transaction.atomic():
            tag = Tag.objects.create(
                dataset=dataset,
                name=name,
                version=version,
                message=message,
                manifest_sha256=digest,
                author=actor,
            )
            record(actor, "tag.created", dataset, tag=name, version=version.id_hex, manifest=digest)
    except IntegrityError as error:
        raise NameTaken("tag", name) from error
    return tag
