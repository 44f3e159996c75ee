"""The shape of what is told about a comparison; `datasets_app.pixels` makes it."""

from __future__ import annotations

from rest_framework import serializers

from api.taxonomy_bodies import TaxonomyChangeSerializer
from datasets_app.changed_lists import Severity
from datasets_app.comparison import ImageChangeKind
from datasets_app.entries import Facet
from labels_app.models import Kind
from panoptic.changes import ChangeKind

_FACETS = [facet.value for facet in Facet]
_KINDS = [kind.value for kind in ChangeKind]
_IMAGE_KINDS = [kind.value for kind in ImageChangeKind]


class ImageCountsSerializer(serializers.Serializer):
    """How many images differ; `facets` counts the changed ones by what differs in them."""

    added = serializers.IntegerField()
    removed = serializers.IntegerField()
    changed = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    facets = serializers.DictField(child=serializers.IntegerField())


class PixelCountsSerializer(serializers.Serializer):
    """Changed pixels that are seen, those hidden under other segments, and all there are."""

    changed = serializers.IntegerField()
    hidden = serializers.IntegerField()
    total = serializers.IntegerField()


class FlowSerializer(serializers.Serializer):
    """What became of a class; null is void, or no partner."""

    old_class = serializers.IntegerField(allow_null=True)
    new_class = serializers.IntegerField(allow_null=True)
    pixels = serializers.IntegerField()
    segments = serializers.IntegerField()


class ClassQualitySerializer(serializers.Serializer):
    """Panoptic quality of one class; null is undefined."""

    class_id = serializers.IntegerField()
    pq = serializers.FloatField(allow_null=True)
    sq = serializers.FloatField(allow_null=True)
    rq = serializers.FloatField(allow_null=True)
    iou = serializers.FloatField(allow_null=True, help_text="of its pixels in the semantic view")
    boundary_iou = serializers.FloatField(
        allow_null=True, help_text="mean over its segments that were found"
    )
    tp = serializers.IntegerField()
    fp = serializers.IntegerField()
    fn = serializers.IntegerField()


class QualitySerializer(serializers.Serializer):
    """The new side measured against the old one; null is undefined."""

    pq = serializers.FloatField(allow_null=True)
    sq = serializers.FloatField(allow_null=True)
    rq = serializers.FloatField(allow_null=True)
    miou = serializers.FloatField(allow_null=True)
    boundary_iou = serializers.FloatField(allow_null=True)
    per_class = ClassQualitySerializer(many=True)


class TaxonomySideSerializer(serializers.Serializer):
    """A taxonomy version by name; the number of a draft is null."""

    slug = serializers.CharField()
    number = serializers.IntegerField(allow_null=True)


class ClassPixelsSerializer(serializers.Serializer):
    """Pixels of the old version by how they read under both taxonomies; null is void."""

    old_class = serializers.IntegerField(allow_null=True)
    new_class = serializers.IntegerField(allow_null=True)
    pixels = serializers.IntegerField()


class TaxonomiesSerializer(serializers.Serializer):
    """What the taxonomy did; what people did is told by all else, both sides read by `read_by`.

    `same`: nothing about classes differs. `class_flow` is then empty.
    """

    old = TaxonomySideSerializer()
    new = TaxonomySideSerializer()
    same = serializers.BooleanField()
    read_by = TaxonomySideSerializer()
    changes = TaxonomyChangeSerializer(many=True)
    rules_changed = serializers.BooleanField()
    class_flow = ClassPixelsSerializer(many=True)


class ComparisonSerializer(serializers.Serializer):
    """Two versions. While `pending`, what needs pixels is null and `job` says how far it is."""

    old = serializers.CharField(help_text="the id of the version")
    new = serializers.CharField()
    images = ImageCountsSerializer()
    taxonomy = TaxonomiesSerializer()
    pending = serializers.BooleanField()
    job = serializers.UUIDField(allow_null=True)
    segments = serializers.DictField(child=serializers.IntegerField(), allow_null=True)
    pixels = PixelCountsSerializer(allow_null=True)
    class_flow = FlowSerializer(many=True, allow_null=True)
    quality = QualitySerializer(allow_null=True)
    quality_changed = QualitySerializer(allow_null=True, help_text="over the changed images alone")


class ChangedImageSerializer(serializers.Serializer):
    """An image that differs; `segments` counts its changes by kind."""

    number = serializers.IntegerField()
    name = serializers.CharField()
    kind = serializers.ChoiceField(_IMAGE_KINDS)
    facets = serializers.ListField(child=serializers.ChoiceField(_FACETS))
    segments = serializers.DictField(child=serializers.IntegerField())
    changed_pixels = serializers.IntegerField()
    changed_share = serializers.FloatField(help_text="of all its pixels, 0 to 1")
    severity = serializers.ChoiceField([severity.value for severity in Severity])
    quality_loss = serializers.FloatField(
        allow_null=True, help_text="1 - PQ of the new label against the old one; null is undefined"
    )
    boundary_loss = serializers.FloatField(
        allow_null=True, help_text="1 - mean boundary IoU of the segments that both sides have"
    )


class SideSerializer(serializers.Serializer):
    """A segment as it is on one side, of a live class."""

    id = serializers.IntegerField()
    class_id = serializers.IntegerField()
    class_name = serializers.CharField()
    kind = serializers.ChoiceField(Kind.choices)
    crowd = serializers.BooleanField()
    score = serializers.FloatField(allow_null=True)
    area = serializers.IntegerField()
    visible_area = serializers.IntegerField()
    bbox = serializers.ListField(child=serializers.IntegerField(), min_length=4, max_length=4)


class SegmentChangeSerializer(serializers.Serializer):
    """One change: a matched pair with its pieces, or a segment without a partner."""

    kind = serializers.ChoiceField(_KINDS)
    flags = serializers.ListField(child=serializers.ChoiceField(_KINDS))
    old = SideSerializer(many=True)
    new = SideSerializer(many=True)
    iou = serializers.FloatField(allow_null=True)
    boundary_iou = serializers.FloatField(allow_null=True)
    changed_pixels = serializers.IntegerField()
    bbox = serializers.ListField(child=serializers.IntegerField(), min_length=4, max_length=4)


class ImageComparisonSerializer(serializers.Serializer):
    """One image on both sides. `kind` is "unchanged" where nothing differs."""

    number = serializers.IntegerField()
    name = serializers.CharField()
    kind = serializers.ChoiceField([*_IMAGE_KINDS, "unchanged"])
    facets = serializers.ListField(child=serializers.ChoiceField(_FACETS))
    changes = SegmentChangeSerializer(many=True)
    pixels = PixelCountsSerializer()
    resized = serializers.BooleanField()
    class_flow = FlowSerializer(many=True)
    quality = QualitySerializer(allow_null=True)
