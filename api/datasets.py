"""Datasets: what there is, and what is said about one."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.access import get_dataset
from api.documentation import PAGE, answers, page_of
from api.errors import invalid
from api.pagination import Keyset, page_json
from datasets_app.actions.datasets import MAX_SLUG, create_dataset, update_dataset
from datasets_app.models import Branch, Dataset, Visibility
from datasets_app.models.dataset import DATASET_KIND
from datasets_app.taxonomy_access import visible_taxonomies
from labels_app.models import Taxonomy
from people_app.models import Membership
from people_app.roles import Role

_ORDER = Keyset("datasets", ("slug",))


class DatasetSerializer(serializers.Serializer):
    """A dataset; `role` is the caller's."""

    slug = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    default_branch = serializers.CharField()
    taxonomy = serializers.CharField(source="taxonomy.slug")
    visibility = serializers.ChoiceField(Visibility.choices)
    role = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()

    @extend_schema_field(serializers.ChoiceField(Role.choices))
    def get_role(self, dataset: Dataset) -> str:
        """Return the role; `context["roles"]` has those of members."""
        # What is shown is visible: who is no member reads a public dataset.
        role: str = self.context["roles"].get(dataset.pk, Role.READER.value)
        return role


class DatasetChangeSerializer(serializers.Serializer):
    """What may be said about a dataset later, too."""

    title = serializers.CharField(max_length=200, allow_blank=True, required=False)
    description = serializers.CharField(max_length=10_000, allow_blank=True, required=False)
    visibility = serializers.ChoiceField(Visibility.choices, required=False)
    default_branch = serializers.CharField(max_length=200, required=False)
    taxonomy = serializers.SlugField(
        max_length=100, required=False, help_text="the slug of a taxonomy"
    )


class NewDatasetSerializer(DatasetChangeSerializer):
    """A new dataset."""

    slug = serializers.SlugField(max_length=MAX_SLUG)
    taxonomy = serializers.SlugField(max_length=100, help_text="the slug of a taxonomy")


class DatasetList(APIView):
    """The datasets that the caller may read."""

    @extend_schema(
        operation_id="datasets_list",
        parameters=[*PAGE],
        responses=answers(page_of("Dataset", DatasetSerializer(many=True)), 400),
    )
    def get(self, request: Request) -> Response:
        """List datasets by slug."""
        visible = Dataset.objects.visible_to(request.user).select_related("taxonomy")
        page = _ORDER.page(request, visible)
        return Response(page_json(request, _ORDER.name, page, lambda rows: _json(request, rows)))

    @extend_schema(
        operation_id="datasets_create",
        request=NewDatasetSerializer,
        responses=answers(DatasetSerializer, 400, 401, 409, status=201),
    )
    def post(self, request: Request) -> Response:
        """Make an empty dataset; the caller becomes its admin."""
        body = NewDatasetSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        values = _with_taxonomy(request, body.validated_data)
        dataset = create_dataset(actor=request.user, **values)
        return Response(_json(request, [dataset])[0], status=status.HTTP_201_CREATED)


class DatasetDetail(APIView):
    """One dataset."""

    @extend_schema(operation_id="datasets_get", responses=answers(DatasetSerializer, 404))
    def get(self, request: Request, slug: str) -> Response:
        """Return what is said about a dataset."""
        return Response(_json(request, [get_dataset(request, slug)])[0])

    @extend_schema(
        operation_id="datasets_update",
        request=DatasetChangeSerializer,
        responses=answers(DatasetSerializer, 400, 401, 403, 404),
    )
    def patch(self, request: Request, slug: str) -> Response:
        """Change what is said about a dataset (admins)."""
        dataset = get_dataset(request, slug, Role.ADMIN)
        body = DatasetChangeSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        values = _with_taxonomy(request, body.validated_data)
        branch = values.get("default_branch")
        if branch is not None and not Branch.objects.filter(dataset=dataset, name=branch).exists():
            raise invalid("default_branch", f"there is no branch {branch!r}", "not_found")
        dataset = update_dataset(dataset=dataset, actor=request.user, **values)
        return Response(_json(request, [dataset])[0])


def _json(request: Request, datasets: Any) -> Any:
    """Return datasets with the caller's roles: one query for all of them."""
    keys = [dataset.pk for dataset in datasets]
    roles = Membership.objects.roles_on(request.user, DATASET_KIND, keys)
    return DatasetSerializer(datasets, many=True, context={"roles": roles}).data


def _with_taxonomy(request: Request, values: dict[str, Any]) -> dict[str, Any]:
    """Replace the slug of a taxonomy by the taxonomy."""
    slug = values.get("taxonomy")
    if slug is None:
        return values
    taxonomy: Taxonomy | None = visible_taxonomies(request.user).filter(slug=slug).first()
    if taxonomy is None:
        raise invalid("taxonomy", f"there is no taxonomy {slug!r}", "not_found")
    return {**values, "taxonomy": taxonomy}
