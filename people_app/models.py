"""Who somebody is and what they may do; what they did is in `audit_models`."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db import models
from django.utils import timezone
from knox.models import AbstractAuthToken

from people_app.audit_models import AuditEvent, AuditProof, AuditSeal
from people_app.roles import Role

__all__ = [
    "AuditEvent",
    "AuditProof",
    "AuditSeal",
    "Membership",
    "Token",
    "TokenScope",
    "User",
]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class User(AbstractUser):
    """An account. Who has acted is deactivated, never deleted: the audit log names them."""


class TokenScope(models.TextChoices):
    """What a token may be used for, at most; its user's roles limit it further."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class Token(AbstractAuthToken):
    """A secret that a program signs in with. Only its hash is kept (`digest`).

    `scopes` is a list of `TokenScope` values; an empty one means all of them.
    """

    name = models.CharField(max_length=200, blank=True)
    scopes = models.JSONField(default=list, blank=True)
    read_only = models.BooleanField(default=False)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-created"]

    def __str__(self) -> str:
        return f"{self.name or 'token'} of {self.user}"

    @property
    def public_id(self) -> str:
        """The name of this token in logs and URLs; it does not help to guess the secret."""
        return self.digest[:16]

    def is_expired(self, now: datetime | None = None) -> bool:
        """Say whether the token's time is over."""
        return self.expiry is not None and self.expiry <= (now or timezone.now())

    def has_scope(self, scope: TokenScope) -> bool:
        """Say whether the token may be used for `scope`; a wider scope covers a narrower one."""
        if self.read_only and scope != TokenScope.READ:
            return False
        order = list(TokenScope)
        return not self.scopes or any(
            order.index(TokenScope(own)) >= order.index(scope) for own in self.scopes
        )

    def allows(self, method: str) -> bool:
        """Say whether a request by the HTTP method `method` may be made with this token."""
        return self.has_scope(TokenScope.READ if method in SAFE_METHODS else TokenScope.WRITE)


class MembershipQuerySet(models.QuerySet["Membership"]):
    """Which memberships, as sentences."""

    def of(self, user: AbstractBaseUser | AnonymousUser) -> MembershipQuerySet:
        """Keep the memberships of `user`; nobody who is not signed in has one."""
        return self.filter(user_id=user.pk) if user.is_active and user.pk else self.none()

    def on(self, resource_kind: str, resource_id: int) -> MembershipQuerySet:
        """Keep the memberships of one resource."""
        return self.filter(resource_kind=resource_kind, resource_id=resource_id)

    def resources_of(
        self,
        user: AbstractBaseUser | AnonymousUser,
        kind: str,
        at_least: Role = Role.READER,
    ) -> models.QuerySet[Membership, int]:
        """Return the ids of the resources of `kind` where `user` has `at_least` this role.

        The answer is lazy: `filter(pk__in=...)` makes it a subquery.
        """
        return (
            self.of(user)
            .filter(resource_kind=kind, role__in=Role.at_least(at_least))
            .values_list("resource_id", flat=True)
        )

    def roles_on(
        self, user: AbstractBaseUser | AnonymousUser, kind: str, resource_ids: Collection[int]
    ) -> dict[int, Role]:
        """Return the roles of `user` on resources of one kind, by id; one query.

        Superusers have the highest one everywhere.
        """
        if getattr(user, "is_superuser", False):
            return dict.fromkeys(resource_ids, Role.of_kind(kind)[-1])
        own = self.of(user).filter(resource_kind=kind, resource_id__in=resource_ids)
        return {key: Role(role) for key, role in own.values_list("resource_id", "role")}

    def role_of(
        self, user: AbstractBaseUser | AnonymousUser, kind: str, resource_id: int
    ) -> Role | None:
        """Return the role of `user` on one resource, None where there is none."""
        role = self.of(user).on(kind, resource_id).values_list("role", flat=True).first()
        return Role(role) if role else None


class Membership(models.Model):
    """One person's role on one resource.

    The resource is named by kind and number (`"dataset"`, 7), so that this app knows
    nothing of the apps above it.
    """

    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    resource_kind = models.CharField(max_length=40)
    resource_id = models.BigIntegerField()
    role = models.CharField(max_length=20, choices=Role.choices)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "resource_kind", "resource_id"], name="one_role_per_resource"
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=Role.values), name="membership_role_is_known"
            ),
        ]
        indexes = [
            models.Index(fields=["resource_kind", "resource_id"], name="members_of_resource")
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.resource_kind} {self.resource_id}"
