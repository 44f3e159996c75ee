"""The index of the store: which bytes lie where, and what upkeep remembers between runs.

Rows of packs and blobs are made by `store_app.index`, after the bytes are durable, and removed
by `store_app.garbage` and `store_app.erasure` alone.
"""

import uuid

from django.db import models

from store_app.fields import DigestField

UPLOADS = "uploads"  # the folder of what has not arrived yet


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


class ErasedBlob(models.Model):
    """A digest whose bytes are destroyed and must not come back (RULES 7.3).

    Until `destroyed_at` is set some file may hold them: the next collection of garbage goes on.
    """

    digest = DigestField(primary_key=True)
    reason = models.TextField()
    erased_at = models.DateTimeField()
    destroyed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.digest.hex()


class Lease(models.Model):
    """Somebody reads for a while: no file condemned after `granted_at` is deleted until it ends."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    holder = models.CharField(max_length=200)
    granted_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"{self.holder} until {self.expires_at:%Y-%m-%d %H:%M:%S}"


class CondemnedRow(models.Model):
    """A row of an app above that nothing needed when it was looked at; `key` is up to the app."""

    pk = models.CompositePrimaryKey("kind", "key")
    kind = models.CharField(max_length=40)
    key = models.BinaryField()
    condemned_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["kind", "condemned_at"], name="condemned_by_time")]

    def __str__(self) -> str:
        return f"{self.kind} {bytes(self.key).hex()[:12]}"


class Verification(models.Model):
    """A run of `verify` at level `data`, and how far it is; the newest unfinished one goes on.

    `cursor` is the last pack that was read, `findings` are those of the packs read. `sample` is the
    share of the blobs that is read, from 0 to 1, chosen by `seed`.
    """

    sample = models.FloatField(default=1.0)
    seed = models.BigIntegerField(default=0)
    cursor = models.BigIntegerField(default=0)
    covered = models.JSONField(default=dict)
    findings = models.JSONField(default=list)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"verification of {self.started_at:%Y-%m-%d %H:%M:%S}"


class Upload(models.Model):
    """A file that arrives piece by piece, until it is one blob (`store_app.uploads`).

    The store knows neither people nor datasets: `owner` and `space` say who sends it and what it
    is for, as the app above calls them. `size` and `received` are in bytes, and the first
    `received` bytes are durable. `digest` is set once they are a blob, `failed` is the code of
    the error for which they never will be.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    space = models.CharField(max_length=100)
    owner = models.CharField(max_length=100)
    size = models.BigIntegerField()
    received = models.BigIntegerField(default=0)
    metadata = models.TextField(default="", blank=True)  # what the sender says, given back as it is
    expected_digest = DigestField(null=True)
    digest = DigestField(null=True)
    failed = models.CharField(max_length=50, default="", blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        indexes = [models.Index(fields=["space", "-created_at", "-id"], name="upload_by_space")]

    def __str__(self) -> str:
        return f"upload {self.id}"

    @property
    def has_arrived(self) -> bool:
        """Whether all bytes are there, be they one blob by now or not."""
        return self.received == self.size


class UploadPart(models.Model):
    """A piece of an upload, durable in a file of its own that is named by `id`."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    upload = models.ForeignKey(Upload, models.CASCADE, related_name="parts")
    start = models.BigIntegerField()
    length = models.BigIntegerField()
    digest = DigestField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["upload", "start"], name="one_part_per_start")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """The name of the file in the storage."""
        return f"{upload_folder(self.upload_id)}/{self.id.hex}"


def upload_folder(upload_id: uuid.UUID) -> str:
    """Name the folder in which the pieces of an upload lie."""
    return f"{UPLOADS}/{upload_id.hex}"


def file_name(kind: int, digest: bytes) -> str:
    """Name a file by its own sha256; 256 folders keep listings short."""
    hexadecimal = digest.hex()
    if kind == Pack.Kind.PACK:
        return f"packs/{hexadecimal[:2]}/{hexadecimal}.pack"
    return f"objects/{hexadecimal[:2]}/{hexadecimal}"
