"""Datasets as those find them who run them: admins, and reviewers who see its members."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from datasets_app.models import Branch, Dataset
from web.finding import get_dataset


def get_dataset_to_administer(request: HttpRequest, slug: str) -> Dataset:
    """Return a dataset whose admin the user is; 403 where they may only read it, else 404."""
    dataset = get_dataset(request, slug)
    if not dataset.may_administer:
        raise PermissionDenied("this takes the role admin")
    return dataset


def get_dataset_to_review(request: HttpRequest, slug: str) -> Dataset:
    """Return a dataset whose reviewer the user is; 403 where they may only read it, else 404."""
    dataset = get_dataset(request, slug)
    if not dataset.may_review:
        raise PermissionDenied("this takes the role reviewer")
    return dataset


def frame_of(dataset: Dataset) -> dict[str, Any]:
    """Return what the head of a dataset's page wants to know; one query."""
    branches = Branch.objects.filter(dataset=dataset, name=dataset.default_branch)
    return {"dataset": dataset, "is_empty": not branches.filter(head__isnull=False).exists()}
