"""The format `cityscapes`: a tree of label files by split and city.

`gtFine/<split>/<city>/<city>_<seq6>_<frame6>_gtFine_<kind>`, or the same with gtCoarse:

- `instanceIds.png`, 16 bits: `1000 · label + n` is object n of a thing; a plain label is stuff,
  or a group of things (a crowd). This is what is read;
- `labelIds.png`, 8 bits: the label alone. Where both are there they must agree;
- `polygons.json`: objects in painting order. Read with `source=polygons`, and where there are
  no PNGs. The pixels that an object shows are kept, not those under later ones;
- `labelTrainIds.png` and `color.png`, which are only written.

Photographs lie in `leftImg8bit`; one without a label file is no image of the tree. An image
without a split is written into `train`.

Label 0, unlabeled, is void. The other labels that the evaluation ignores (ego vehicle, static,
caravan, trailer, …) are classes. License plates (-1) are in polygons only: an export writes
them there and leaves them void in the PNGs. An outline has no holes, so what lies in one is
painted over it, and a thing of several parts is several objects with one `id`, which this
reader joins and the official tools count as several things; their labelIds are the same.

The panoptic files of an export are those of createPanopticImgs: the 19 evaluated classes, with
label ids or, by `train_ids=yes`, train ids as categories; segment ids are the numbers.

The facts are from labels.py, json2labelImg, json2instanceImg and createPanopticImgs of
cityscapesScripts.
"""

from __future__ import annotations

from panoptic.formats.base import Carries, Format
from panoptic.formats.cityscapes.labels import SCHEME
from panoptic.formats.cityscapes.reader import SOURCE, open_tree, read_item
from panoptic.formats.cityscapes.tree import recognise_tree
from panoptic.formats.cityscapes.writer import TRAIN_IDS, CityscapesWriter
from panoptic.formats.options import PHOTOS

CITYSCAPES = Format(
    name="cityscapes",
    title="Cityscapes",
    has_classes=True,
    has_ids=True,
    file_name=None,
    open=open_tree,
    read_item=read_item,
    create=CityscapesWriter,
    recognise=recognise_tree,
    scheme=SCHEME,
    read_options=(SOURCE,),
    write_options=(TRAIN_IDS, PHOTOS),
    carries=Carries(
        void="0 (unlabeled)",
        crowd="a group: the number of the class without an object; one per class",
        overlap="the visible part of every segment",
        loses=(
            "hidden pixels and segments; classes that Cityscapes does not have, which become void; "
            "license plates outside of polygons; ids other than 1000 · class + object; objects of "
            "what is stuff there; scores, tracks, origins, attributes of segments and images; "
            "unlabelled images; that an image is in no split: it goes to train"
        ),
    ),
)
