"""The lists of classes of BDD100K, and how words of its bitmasks are put together.

A word is R + 2^8 G + 2^16 B + 2^24 A: the class, the attributes, and the instance, whose high
byte is B and whose low byte is A.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from panoptic.formats.base import FileClass, Kind
from panoptic.formats.class_lists.bdd100k import INSTANCES, ROWS

# Bits of G; `crowd` is a flag of a segment, the others are attributes of it.
CROWD = 1 << 1
ATTRIBUTES: Mapping[str, int] = {"truncated": 1 << 3, "occluded": 1 << 2, "ignore": 1 << 0}
KNOWN_BITS = sum(ATTRIBUTES.values()) | CROWD

MAX_INSTANCE = 2**16 - 1

# The folder of bitmasks below that of a task.
BITMASKS = "bitmasks"


class ClassList(NamedTuple):
    """The classes that the numbers of a kind of files mean.

    scheme : by which classes of a taxonomy know these numbers
    tasks : the folders that hold such files, the one that an export writes first
    images : the folder of photographs of each task
    """

    scheme: str
    classes: tuple[FileClass, ...]
    tasks: Mapping[str, str]

    def by_name(self) -> dict[str, int]:
        return {each.name: int(each.external_id) for each in self.classes}


class Word(NamedTuple):
    """What a word says."""

    class_number: int
    bits: int
    instance: int


def split_word(word: int) -> Word:
    """The parts of a word."""
    return Word(word & 255, word >> 8 & 255, word >> 8 & 0xFF00 | word >> 24)


def join_word(word: Word) -> int:
    """The inverse of `split_word`."""
    high, low = divmod(word.instance, 256)
    return word.class_number | word.bits << 8 | high << 16 | low << 24


def _class(number: int, name: str, kind: str, color: str, category: str) -> FileClass:
    red, green, blue = bytes.fromhex(color[1:])
    known: Kind = "thing" if kind == "thing" else "stuff"
    return FileClass(number, name, known, (red, green, blue), category)


PANOPTIC = ClassList(
    "bdd100k",
    tuple(_class(number, *rest) for number, _, *rest in ROWS),
    {"pan_seg": "10k"},
)
_BY_NAME = {each.name: each for each in PANOPTIC.classes}
THINGS = ClassList(
    "bdd100k_instances",
    tuple(
        _BY_NAME["person" if name == "pedestrian" else name]._replace(external_id=n, name=name)
        for n, name in enumerate(INSTANCES, 1)
    ),
    {"ins_seg": "10k", "seg_track_20": "seg_track_20"},
)
# Its train ids are those of Cityscapes.
SEMANTIC = ClassList(
    "cityscapes_train",
    tuple(
        sorted(
            (_class(train_id, *rest) for _, train_id, *rest in ROWS if train_id is not None),
            key=lambda each: int(each.external_id),
        )
    ),
    {"sem_seg": "10k"},
)
LISTS: Mapping[str, ClassList] = {"panoptic": PANOPTIC, "instances": THINGS}
