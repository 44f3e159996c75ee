"""The format `cvat`: CVAT for images 1.1, one XML file for many images.

    <image id name subset width height>
      <mask label source occluded rle left top width height z_order group_id>
        <attribute name>text</attribute>
      </mask>
      <polygon label source occluded points="x,y;x,y" z_order group_id>…</polygon>
    </image>

`rle` counts the pixels of the box row by row, beginning with those outside; a higher z_order lies
above a lower one, and of one z_order what comes later. Polygons are rasterised as COCO's are.
`meta` has the labels with their colours, wherever in it (task, project, job). Photographs lie in
`images` beside the file, in folders of subsets or not. Boxes, lines, points, ellipses, cuboids,
skeletons and tags are told and left out; CVAT for video has tracks and is refused. The facts are
from CVAT's documentation of its XML, version 1.1.

The attributes of a segment are the texts that CVAT has; `occluded` (true), `group_id` (a number)
and `source` (where it is not "manual") are what CVAT says itself.
"""

from __future__ import annotations

from panoptic.formats.base import Carries, Format
from panoptic.formats.cvat.reader import open_cvat, read_cvat_item, recognise_cvat
from panoptic.formats.cvat.writer import CvatWriter
from panoptic.formats.options import PHOTOS

CVAT = Format(
    name="cvat",
    title="CVAT for images",
    has_classes=True,
    has_ids=False,
    file_name="annotations.xml",
    open=open_cvat,
    read_item=read_cvat_item,
    create=CvatWriter,
    recognise=recognise_cvat,
    write_options=(PHOTOS,),
    settings=frozenset({"on_overlap"}),
    carries=Carries(
        void="what no mask covers",
        crowd="attribute `iscrowd`",
        overlap="full masks, in the order of z_order",
        loses="ids; which classes are stuff; scores, tracks, origins; attributes of images; the"
        " type of attributes that are no text, and attributes that XML cannot say; that an image is"
        " unlabelled",
    ),
)
