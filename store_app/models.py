"""The index of the store: which bytes lie where.

Rows are made by `store_app.index`, after the bytes are durable, and removed by
`store_app.garbage` alone.
"""

from django.db import models

from store_app.fields import DigestField


class Pack(models.Model):
    """A file of the storage: a pack of many blobs, or one blob alone.

    Rows outlive their files as tombstones (`DELETING`, `DELETED`): a writer that brings the same
    bytes again must see that the file is gone, or is about to be (docs/decisions/store.md).
    """

    class Kind(models.IntegerChoices):
        PACK = 0
        SINGLE = 1

    class State(models.IntegerChoices):
        ACTIVE = 0
        DELETING = 1
        DELETED = 2

    digest = DigestField()  # sha256 of the file
    kind = models.PositiveSmallIntegerField(choices=Kind)
    size = models.BigIntegerField()
    state = models.PositiveSmallIntegerField(choices=State, default=State.ACTIVE)
    created_at = models.DateTimeField()
    condemned_at = models.DateTimeField(null=True)

    class Meta:
        # By kind as well: somebody may store a file that happens to be a pack.
        constraints = [models.UniqueConstraint(fields=["kind", "digest"], name="one_row_per_file")]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """The name of the file in the storage."""
        return file_name(self.kind, self.digest)


class Blob(models.Model):
    """Immutable bytes known by the sha256 of their uncompressed content.

    `start` and `length` are the stored bytes within the pack, `stored_digest` is their sha256;
    `size` is that of the content, in bytes.
    """

    digest = DigestField(primary_key=True)
    pack = models.ForeignKey(Pack, models.PROTECT, related_name="blobs")
    start = models.BigIntegerField()
    length = models.BigIntegerField()
    size = models.BigIntegerField()
    codec = models.PositiveSmallIntegerField()
    stored_digest = DigestField()
    # When somebody last put these bytes: what garbage collection must leave alone.
    touched_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.digest.hex()


def file_name(kind: int, digest: bytes) -> str:
    """Name a file by its own sha256; 256 folders keep listings short."""
    hexadecimal = digest.hex()
    if kind == Pack.Kind.PACK:
        return f"packs/{hexadecimal[:2]}/{hexadecimal}.pack"
    return f"objects/{hexadecimal[:2]}/{hexadecimal}"
