"""The operator's view of people, their rights and what they did."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse

from people_app.audit import ObjectName, record
from people_app.models import (
    AuditEvent,
    ExternalIdentity,
    Membership,
    SignInCount,
    Team,
    TeamMember,
    Token,
    User,
)


@admin.register(User)
class PersonAdmin(UserAdmin):
    """Accounts. Who gives somebody a new password, or none, stands in the log."""

    @transaction.atomic
    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        """Answer Django's page; its action tells nobody that there was a change."""
        before = _password_of(id)
        response: HttpResponse = super().user_change_password(request, id, form_url)
        if _password_of(id) != before:
            name = User.objects.values_list("username", flat=True).get(pk=id)
            record(request.user, "password.changed", ObjectName("user", id), name=name)
        return response


def _password_of(user_id: str) -> str | None:
    if not user_id.isdecimal():
        return None
    return User.objects.filter(pk=user_id).values_list("password", flat=True).first()


class ReadOnly:
    """Mixed into an admin whose rows nobody may add, alter or remove."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows are made by actions only, which check and record."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows stay as they are."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rows stay."""
        return False


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnly, admin.ModelAdmin):
    """The log, newest first."""

    list_display = [
        "at",
        "actor",
        "token_name",
        "address",
        "verb",
        "object_kind",
        "object_id",
        "facts",
    ]
    list_filter = ["verb", "object_kind"]
    search_fields = ["object_id", "actor__username", "request_id", "address"]
    list_select_related = ["actor"]
    ordering = ["-id"]
    show_full_result_count = False


@admin.register(Membership)
class MembershipAdmin(ReadOnly, admin.ModelAdmin):
    """Who has which role; changed through the API, where each change is recorded."""

    list_display = ["holder", "role", "resource_kind", "resource_id", "created_at"]
    list_filter = ["role", "resource_kind"]
    search_fields = ["user__username", "team__slug"]
    list_select_related = ["user", "team"]


class TeamMemberInline(ReadOnly, admin.TabularInline):
    """Who is in a team."""

    model = TeamMember
    fields = ["user", "role", "created_at"]
    readonly_fields = [*fields]


class TeamRoleInline(ReadOnly, admin.TabularInline):
    """On which resources a team has a role."""

    model = Membership
    fields = ["resource_kind", "resource_id", "role", "created_at"]
    readonly_fields = [*fields]


@admin.register(Team)
class TeamAdmin(ReadOnly, admin.ModelAdmin):
    """People who are given roles together; changed through the pages and the API."""

    list_display = ["slug", "name", "created_at"]
    search_fields = ["slug", "name"]
    fields = ["slug", "name", "description", "created_at"]
    inlines = [TeamMemberInline, TeamRoleInline]


@admin.register(Token)
class TokenAdmin(ReadOnly, admin.ModelAdmin):
    """Tokens without anything that helps to guess their secrets."""

    list_display = ["public_id", "user", "name", "read_only", "created", "last_used_at", "expiry"]
    list_display_links = None  # the key of a token is the hash of its secret
    fields = ["user", "name", "scopes", "read_only", "created", "last_used_at", "expiry"]
    search_fields = ["user__username", "name"]
    list_select_related = ["user"]


@admin.register(ExternalIdentity)
class ExternalIdentityAdmin(ReadOnly, admin.ModelAdmin):
    """Who signs in with the provider as whom; `manage.py link_identity` makes more."""

    list_display = ["user", "issuer", "subject", "created_at"]
    search_fields = ["user__username", "subject"]
    list_select_related = ["user"]


@admin.register(SignInCount)
class SignInCountAdmin(ReadOnly, admin.ModelAdmin):
    """For whom and from where signing in failed lately; deleting a row unlocks."""

    list_display = ["label", "kind", "failures", "last_at", "locked_until"]
    list_filter = ["kind"]
    search_fields = ["label"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Superusers unlock."""
        return request.user.is_active and request.user.is_superuser

    @transaction.atomic
    def delete_model(self, request: HttpRequest, obj: SignInCount) -> None:
        """Unlock one."""
        _tell_unlocked(request, obj)
        super().delete_model(request, obj)

    @transaction.atomic
    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet[SignInCount]) -> None:
        """Unlock some."""
        for row in queryset:
            _tell_unlocked(request, row)
        super().delete_queryset(request, queryset)


def _tell_unlocked(request: HttpRequest, row: SignInCount) -> None:
    target = ObjectName("sign_in", "")
    record(request.user, "sign_in.unlocked", target, of=row.kind, label=row.label)
