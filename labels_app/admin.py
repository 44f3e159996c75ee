"""The operator's view of taxonomies and labels; nothing here can be altered."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from labels_app.models import (
    DraftEdit,
    LabelClass,
    LabelRevision,
    Taxonomy,
    TaxonomyDraft,
    TaxonomyMapping,
    TaxonomyPicture,
    TaxonomyVersion,
)
from people_app.admin import ReadOnly
from people_app.models import Membership


class TaxonomyVersionInline(ReadOnly, admin.TabularInline):
    """The line of versions of a taxonomy."""

    model = TaxonomyVersion
    fields = ["number", "message", "author", "created_at"]
    readonly_fields = fields
    show_change_link = True
    extra = 0


class LabelClassInline(ReadOnly, admin.TabularInline):
    """The classes of a version."""

    model = LabelClass
    fields = [
        "class_id",
        "name",
        "kind",
        "color",
        "parent_id",
        "external",
        "synonyms",
        "deprecated",
        "split_into",
        "retired",
        "forwards_to",
    ]
    readonly_fields = [*fields]
    extra = 0


@admin.register(Taxonomy)
class TaxonomyAdmin(admin.ModelAdmin):
    """Title and description may be mended; the slug and the classes may not."""

    list_display = ["slug", "title", "next_class_id", "created_at"]
    search_fields = ["slug", "title"]
    fields = ["slug", "title", "description", "members", "next_class_id", "created_at"]
    readonly_fields = ["slug", "members", "next_class_id", "created_at"]
    inlines = [TaxonomyVersionInline]

    @admin.display(description="members")
    def members(self, taxonomy: Taxonomy) -> SafeString:
        """Who may do what; changed through the pages and the API, where it is recorded."""
        rows = Membership.objects.on("taxonomy", taxonomy.pk).select_related("user", "team")
        names = [(row.holder, row.role) for row in rows.order_by("pk")]
        return format_html_join(", ", "{} ({})", names) if names else format_html("nobody")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A taxonomy starts with a version, which only the action makes."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Versions of datasets may point here."""
        return False


@admin.register(TaxonomyVersion)
class TaxonomyVersionAdmin(ReadOnly, admin.ModelAdmin):
    """One version with its classes."""

    list_display = ["taxonomy", "number", "message", "author", "created_at"]
    list_select_related = ["taxonomy", "author"]
    fields = ["taxonomy", "number", "digest_hex", "rules", "message", "author", "created_at"]
    inlines = [LabelClassInline]

    @admin.display(description="digest")
    def digest_hex(self, version: TaxonomyVersion) -> str:
        """The digest as people compare it."""
        return version.digest.hex()


@admin.register(TaxonomyDraft)
class TaxonomyDraftAdmin(ReadOnly, admin.ModelAdmin):
    """What curators are working on."""

    list_display = ["taxonomy", "base", "revision", "updated_by", "updated_at"]
    list_select_related = ["taxonomy", "base", "updated_by"]
    fields = ["taxonomy", "base", "revision", "classes", "rules", "updated_by", "updated_at"]


@admin.register(DraftEdit)
class DraftEditAdmin(ReadOnly, admin.ModelAdmin):
    """Who did what to which draft, newest first."""

    list_display = ["at", "actor", "taxonomy", "number", "revision", "operations"]
    list_select_related = ["taxonomy", "actor"]
    search_fields = ["taxonomy__slug", "actor__username"]
    show_full_result_count = False


@admin.register(TaxonomyMapping)
class TaxonomyMappingAdmin(ReadOnly, admin.ModelAdmin):
    """How the classes of one taxonomy read in another one."""

    list_display = ["source_taxonomy", "target_taxonomy", "number", "author", "created_at"]
    list_select_related = ["source_taxonomy", "target_taxonomy", "author"]
    fields = ["source", "target", "number", "entries", "message", "author", "created_at"]


@admin.register(TaxonomyPicture)
class TaxonomyPictureAdmin(ReadOnly, admin.ModelAdmin):
    """The example pictures of guidelines."""

    list_display = ["taxonomy", "digest_hex", "media_type", "height", "width", "uploaded_by"]
    list_select_related = ["taxonomy", "uploaded_by"]
    fields = ["taxonomy", "digest_hex", "media_type", "height", "width", "uploaded_by"]

    @admin.display(description="digest")
    def digest_hex(self, picture: TaxonomyPicture) -> str:
        """The digest as guidelines name it."""
        return bytes(picture.digest).hex()


@admin.register(LabelRevision)
class LabelRevisionAdmin(ReadOnly, admin.ModelAdmin):
    """Labels by digest. There may be millions: no count, no order but that of the key."""

    list_display = ["digest_hex", "height", "width", "segment_count", "layer_count"]
    list_display_links = None  # a binary key fits into no URL
    ordering = ["digest"]
    show_full_result_count = False

    @admin.display(description="digest")
    def digest_hex(self, revision: LabelRevision) -> str:
        """The digest as people compare it."""
        return revision.digest.hex()
