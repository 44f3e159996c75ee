"""What operators see of datasets; history is read here and changed by commits alone."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from datasets_app.models import Branch, Dataset, DeletedBranch, Tag, Version


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows that only actions make: the admin pages would pass by locks and audit."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Dataset)
class DatasetAdmin(ReadOnlyAdmin):
    list_display = ["slug", "title", "taxonomy", "visibility", "created_at"]
    list_select_related = ["taxonomy"]
    search_fields = ["slug", "title"]


@admin.register(Version)
class VersionAdmin(ReadOnlyAdmin):
    list_display = ["dataset", "number", "id_hex", "author_name", "created_at", "image_count"]
    list_select_related = ["dataset"]
    show_full_result_count = False


@admin.register(Branch)
class BranchAdmin(ReadOnlyAdmin):
    list_display = ["dataset", "name", "head", "protected"]
    list_select_related = ["dataset", "head"]


@admin.register(DeletedBranch)
class DeletedBranchAdmin(ReadOnlyAdmin):
    list_display = ["dataset", "name", "deleted_by", "deleted_at"]
    list_select_related = ["dataset", "deleted_by"]


@admin.register(Tag)
class TagAdmin(ReadOnlyAdmin):
    list_display = ["dataset", "name", "version", "created_at"]
    list_select_related = ["dataset", "version"]
