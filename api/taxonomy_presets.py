"""Presets: lists of classes that many datasets use, built in."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from api.documentation import answers, page_of
from api.taxonomy_bodies import ClassSerializer, classes_json
from labels_app.presets import Preset, get_preset, list_presets


class PresetSerializer(serializers.Serializer):
    """A preset; in `scheme` each class has its id in the files of those who made the list."""

    key = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    scheme = serializers.CharField()
    source = serializers.URLField()
    things = serializers.IntegerField()
    stuff = serializers.IntegerField()


class PresetClassSerializer(ClassSerializer):
    """A class of a preset; `id` is null, and `parent` a name."""

    parent = serializers.CharField(allow_null=True)


class FullPresetSerializer(PresetSerializer):
    """A preset with its classes."""

    classes = serializers.SerializerMethodField()

    @extend_schema_field(PresetClassSerializer(many=True))
    def get_classes(self, preset: Preset) -> Any:
        """Return the classes in the order of the list."""
        return classes_json(preset.classes)


class PresetList(APIView):
    """The presets."""

    @extend_schema(
        operation_id="taxonomy_presets_list",
        responses=answers(page_of("TaxonomyPreset", PresetSerializer(many=True)), 401),
    )
    def get(self, request: Request) -> Response:
        """List the presets; they are few, so that there is one page."""
        rows = PresetSerializer(list_presets(), many=True).data
        return Response({"next": None, "previous": None, "results": rows})


class PresetDetail(APIView):
    """One preset."""

    @extend_schema(
        operation_id="taxonomy_presets_get", responses=answers(FullPresetSerializer, 404)
    )
    def get(self, request: Request, key: str) -> Response:
        """Return a preset with its classes."""
        return Response(FullPresetSerializer(get_preset(key)).data)
