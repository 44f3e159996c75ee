"""Mapillary Vistas, v1.2 and v2.0: four folders of PNGs and a list of labels.

    config_v1.2.json                        the labels by their numbers
    training/images/x.jpg                   (and validation, testing)
    training/v1.2/instances/x.png           16 bits: 256 · label + n, n from 0
    training/v1.2/labels/x.png              8 bits with a palette: label
    training/v1.2/panoptic/x.png            RGB ids, as COCO panoptic has them, with
    training/v1.2/panoptic/panoptic_2018.json   (2020 in v2.0); category = label + 1, ids are text

After the README, demo.py and config of the dataset. Older downloads have config.json and no
folder of a version. Polygons of v2.0 say the same once more and are not read.

Read are `instances` (default), `panoptic`, or `labels` alone. In `instances` the number is the
id of the segment; 0, which is no id, becomes 65,536 (the number is the id modulo 65,536).
Labels without instances are one segment each; where a taxonomy has such a label for a thing,
and always where the label is a group ("person-group"), that segment is a crowd. Groups are
labels of their own and stay so. `void--unlabeled` is a label, too: it is read as the class of
the taxonomy that stands for it, and as void if there is none.

Written are all three and the list of labels: the official one where classes have numbers or
names of it, with classes that it lacks behind it; otherwise the classes alone. What is lost is
counted for `instances`; `panoptic` keeps ids, crowds and fields of every visible segment.
"""

from __future__ import annotations

from panoptic.formats.base import Carries, Format, Option
from panoptic.formats.mapillary.labels import VERSIONS
from panoptic.formats.mapillary.reader import open_mapillary, read_mapillary_item
from panoptic.formats.mapillary.tree import INSTANCES, LABELS, PANOPTIC, recognise_mapillary
from panoptic.formats.mapillary.writer import MapillaryWriter
from panoptic.formats.options import PHOTOS

MAPILLARY = Format(
    name="mapillary",
    title="Mapillary Vistas",
    has_classes=True,
    has_ids=True,
    file_name=None,
    open=open_mapillary,
    read_item=read_mapillary_item,
    create=MapillaryWriter,
    recognise=recognise_mapillary,
    scheme="mapillary",
    read_options=(
        Option("source", "which maps are read", (INSTANCES, PANOPTIC, LABELS)),
        Option("version", "whose maps are read; auto: of the only one there", ("auto", *VERSIONS)),
    ),
    write_options=(
        Option("version", "whose list of labels and folders are written", VERSIONS),
        PHOTOS,
    ),
    carries=Carries(
        void="label `void--unlabeled`, id 0 in `panoptic`",
        crowd="`iscrowd` in `panoptic`; in `instances` a number like any other",
        overlap="the visible part of every segment",
        loses=(
            "hidden pixels and segments; attributes of images; unlabelled images; that an image is"
            " in no split: it goes to training; what is void and what is a class, where the"
            " taxonomy has one for `void--unlabeled`; in `instances` also scores, tracks, origins,"
            " attributes, crowds, ids that are not 256 · label + n, and without photographs the"
            " suffixes of names, which become .jpg; in `panoptic` attributes that have the name of"
            " a COCO key; more than 256 segments of a class are refused"
        ),
    ),
)
