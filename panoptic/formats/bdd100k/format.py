"""Bitmasks of BDD100K: an RGBA PNG per image whose alpha is data.

    labels/pan_seg/bitmasks/train/x.png     classes 1 to 40: 30 stuff, 10 things
    labels/ins_seg/bitmasks/train/x.png     classes 1 to 8: things; so are those of
    labels/seg_track_20/bitmasks/train/<video>/<frame>.png
    images/10k/train/x.jpg                  (images/seg_track_20 of the last)

R is the class, 0 the background. G = 8 · truncated + 4 · occluded + 2 · crowd + ignore: crowd
becomes the flag of the segment, the others attributes of it where they are set. The instance,
256 · B + A, is the id of the segment: BDD100K counts instances over all classes of an image (and
over a video in tracks). After "Label Format" in its documentation. Its own `to_mask` confuses
instances near 255 (`% 255` with `>> 8`); nothing like it happens here.

Which list of classes a file has, the folder says; where it does not, the option `classes`.
"""

from __future__ import annotations

from panoptic.formats.base import Carries, Format, Option
from panoptic.formats.bdd100k.classes import LISTS, PANOPTIC
from panoptic.formats.bdd100k.reader import open_bdd100k, read_bdd100k_item, recognise_bdd100k
from panoptic.formats.bdd100k.writer import Bdd100kWriter
from panoptic.formats.options import PHOTOS

BDD100K = Format(
    name="bdd100k",
    title="BDD100K bitmasks",
    has_classes=True,
    has_ids=True,
    file_name=None,
    open=open_bdd100k,
    read_item=read_bdd100k_item,
    create=Bdd100kWriter,
    recognise=recognise_bdd100k,
    scheme=PANOPTIC.scheme,
    read_options=(
        Option(
            "classes",
            "panoptic: the list of 40; instances: that of 8 things; auto: the folder says",
            ("auto", *LISTS),
        ),
    ),
    write_options=(
        Option(
            "classes",
            "panoptic: pan_seg and its 40 classes; instances: ins_seg and its 8 things",
            tuple(LISTS),
        ),
        PHOTOS,
    ),
    carries=Carries(
        void="0",
        crowd="a bit of G",
        overlap="the visible part of every segment",
        loses=(
            "hidden pixels and segments; classes that its list lacks, which become void; ids beyond"
            " 65,535; scores, tracks, origins, attributes but `truncated`, `occluded` and `ignore`"
            " where they are true; attributes of images; unlabelled images; that an image is in no"
            " split: it goes to train; without photographs the suffixes of names, which become .jpg"
        ),
    ),
)
