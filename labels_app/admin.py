"""The operator's view of taxonomies and labels; nothing here can be altered."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from labels_app.models import LabelClass, LabelRevision, Taxonomy, TaxonomyVersion
from people_app.admin import ReadOnly


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
    fields = ["class_id", "name", "kind", "color", "parent_id", "external", "retired"]
    readonly_fields = [*fields]
    extra = 0


@admin.register(Taxonomy)
class TaxonomyAdmin(admin.ModelAdmin):
    """Title and description may be mended; the slug and the classes may not."""

    list_display = ["slug", "title", "next_class_id", "created_at"]
    search_fields = ["slug", "title"]
    fields = ["slug", "title", "description", "next_class_id", "created_at"]
    readonly_fields = ["slug", "next_class_id", "created_at"]
    inlines = [TaxonomyVersionInline]

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
    fields = ["taxonomy", "number", "digest_hex", "message", "author", "created_at"]
    inlines = [LabelClassInline]

    @admin.display(description="digest")
    def digest_hex(self, version: TaxonomyVersion) -> str:
        """The digest as people compare it."""
        return version.digest.hex()


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
