"""The format `instance_masks`: a folder per image with one 0/255 mask per instance."""

from __future__ import annotations

from panoptic.formats.base import Carries, Format
from panoptic.formats.instance_masks.reader import open_masks, read_masks_item, recognise_masks
from panoptic.formats.instance_masks.writer import MasksWriter

INSTANCE_MASKS = Format(
    name="instance_masks",
    title="Instance masks",
    has_classes=False,
    has_ids=False,
    file_name=None,
    open=open_masks,
    read_item=read_masks_item,
    create=MasksWriter,
    recognise=recognise_masks,
    settings=frozenset({"class_name", "on_overlap"}),
    carries=Carries(
        void="what no mask covers",
        crowd="as an instance",
        overlap="full masks; which lies on top is lost",
        loses="stuff; ids, classes, crowds, the order of overlapping segments; scores, tracks,"
        " origins, attributes of segments and images; splits and photographs; unlabelled images;"
        " the size of an image without masks",
    ),
)
