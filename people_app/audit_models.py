"""What was done, and what proves that the log says so still."""

from __future__ import annotations

from typing import Any, Never

from django.conf import settings
from django.db import models
from django.utils import timezone

from people_app.errors import AuditIsAppendOnly
from store_app.fields import DigestField


class AppendOnlyQuerySet(models.QuerySet):
    """Rows that are added, and never altered or removed."""

    def update(self, **kwargs: Any) -> Never:
        """Refuse: the log is append-only."""
        raise AuditIsAppendOnly

    def delete(self) -> Never:
        """Refuse: the log is append-only."""
        raise AuditIsAppendOnly


class AppendOnly(models.Model):
    """A row that is saved once."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Append the row; one that was saved before is refused."""
        if not self._state.adding:
            raise AuditIsAppendOnly
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Never:
        """Refuse: the log is append-only."""
        raise AuditIsAppendOnly


class AuditEventQuerySet(AppendOnlyQuerySet):
    """Which events; none of them can be changed."""

    def about(self, kind: str, object_id: str) -> AuditEventQuerySet:
        """Keep the events of one object, newest first."""
        return self.filter(object_kind=kind, object_id=object_id).order_by("-pk")


class AuditEvent(AppendOnly):
    """Who did what to which object, when, from where. Made by `people_app.audit.record`.

    Tokens come and go, so an event keeps the name and public id that its token had.
    `line` is the dataset, taxonomy or team whose story the event belongs to, ("service", "") for
    what concerns none; each line is sealed by itself.
    """

    at = models.DateTimeField(default=timezone.now, editable=False)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    token_id = models.CharField(max_length=16, blank=True)
    token_name = models.CharField(max_length=200, blank=True)
    address = models.CharField(max_length=45, blank=True, default="")
    verb = models.CharField(max_length=80)
    object_kind = models.CharField(max_length=40)
    object_id = models.CharField(max_length=64)
    line_kind = models.CharField(max_length=40, default="service")
    line_id = models.CharField(max_length=64, blank=True, default="")
    facts = models.JSONField(default=dict, blank=True)
    request_id = models.CharField(max_length=64, blank=True)

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["object_kind", "object_id", "-id"], name="audit_by_object"),
            models.Index(fields=["actor", "-id"], name="audit_by_actor"),
            models.Index(fields=["line_kind", "line_id", "-id"], name="audit_by_line"),
            models.Index(fields=["verb", "-id"], name="audit_by_verb"),
            models.Index(fields=["at"], name="audit_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.verb} {self.object_kind} {self.object_id}"


class AuditSeal(AppendOnly):
    """One link of a line's chain: a batch of events, and the seal before it.

    `digest` is the sha256 of what `people_app.audit_form.seal_bytes` writes. Numbers start
    at 1 and leave out none. Which events belong to it is said by their proofs, not by the
    range of ids: an event with a lower id may become visible after one with a higher id.
    """

    line_kind = models.CharField(max_length=40)
    line_id = models.CharField(max_length=64, blank=True)
    number = models.PositiveBigIntegerField()
    previous = DigestField(null=True)
    first_event = models.BigIntegerField()
    last_event = models.BigIntegerField()
    count = models.PositiveIntegerField()
    sealed_at = models.DateTimeField()
    digest = DigestField()

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        constraints = [
            # Two sealers at once make one link; the other begins anew.
            models.UniqueConstraint(
                fields=["line_kind", "line_id", "number"], name="one_seal_per_number"
            )
        ]

    def __str__(self) -> str:
        return f"seal {self.number} of {self.line_kind} {self.line_id}".rstrip()


class AuditProof(models.Model):
    """The digest of an event from the moment when it was recorded, and later its seal.

    A row of its own, so that sealing alters no event. No foreign key guards it: a proof
    whose event is gone is how a removed event is found.
    """

    event = models.OneToOneField(
        AuditEvent,
        models.DO_NOTHING,
        primary_key=True,
        db_constraint=False,
        related_name="proof",
    )
    digest = DigestField()
    seal = models.ForeignKey(AuditSeal, models.PROTECT, null=True, related_name="proofs")

    class Meta:
        indexes = [
            models.Index(
                fields=["event"], condition=models.Q(seal__isnull=True), name="audit_unsealed"
            )
        ]

    def __str__(self) -> str:
        return f"proof of event {self.pk}"
