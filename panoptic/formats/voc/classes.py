"""Which class a number or a colour of a VOC file means: VOC's list, or that of a labelmap.

Number 0 is the background, which is void here, and 255 the border that VOC draws around
objects, void as well; between them stand the classes. In a labelmap the background is the class
whose colour is black, whatever its name, else the one called `background`; the border is the
one of VOC's border colour (`ignored`, as Datumaro calls it).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from panoptic.colors import parse_color
from panoptic.errors import MalformedFile
from panoptic.formats.base import FileClass, Kind
from panoptic.formats.class_lists.voc import ROWS
from panoptic.formats.color_maps.tables import (
    VOC_PALETTE,
    NamedColor,
    color_word,
    read_color_table,
)

SCHEME = "voc"
BACKGROUND, BORDER = 0, 255
# The most objects, and classes, that an image or a list can have.
MAX_NUMBER = 254

VOC_IDS: Mapping[str, int] = {name: number for number, name, *_ in ROWS}


class VocClasses(NamedTuple):
    """What the pixels of SegmentationClass mean: 0 is the background, 255 the border.

    externals : the external id of every number that is a class
    indices : the number of every value of a file of numbers
    words : the number of every colour, by `color_word`
    has_colors : whether a list of colours lies beside the files: then colours tell classes in
        files with a palette, too
    """

    scheme: str
    classes: tuple[FileClass, ...]
    externals: Mapping[int, int | str]
    indices: Mapping[int, int]
    words: Mapping[int, int]
    has_colors: bool

    def name_of(self, number: int) -> str:
        """As people call what a number means."""
        names = {each.external_id: each.name for each in self.classes}
        return names.get(self.externals.get(number, ""), "background")


def _voc_classes() -> VocClasses:
    classes = tuple(
        FileClass(number, name, "thing", parse_color(color), parent)
        for number, name, color, parent, _ in ROWS
    )
    externals = {number: number for number in VOC_IDS.values()}
    indices = {number: number for number in (BACKGROUND, *externals, BORDER)}
    words = {color_word(VOC_PALETTE[number]): number for number in indices}
    return VocClasses(SCHEME, classes, externals, indices, words, has_colors=False)


# VOC's own 20.
VOC_CLASSES = _voc_classes()


def read_labelmap(path: Path, kind: Kind) -> VocClasses:
    """The classes of a labelmap. Raises MalformedFile.

    kind : of all classes that are none of VOC's, since the file does not say
    """
    rows = read_color_table(path).rows
    black, border = VOC_PALETTE[BACKGROUND], VOC_PALETTE[BORDER]
    void = next((row for row in rows if row.color == black), None)
    void = void or next((row for row in rows if row.name == "background"), None)
    if void is None:
        # Datumaro puts one first, too, where there is none.
        void = NamedColor("", black)
        rows = (void, *rows)
    named = [row for row in rows if row != void and row.color != border]
    if len(named) > MAX_NUMBER:
        raise MalformedFile(f"it has {len(named)} classes, VOC at most {MAX_NUMBER}")
    numbers = {row: number for number, row in enumerate(named, 1)}
    # Named as VOC names them they are VOC's, whatever their places and colours.
    is_voc = all(row.name in VOC_IDS for row in named)
    externals = {n: VOC_IDS[row.name] if is_voc else row.name for row, n in numbers.items()}
    classes = [
        FileClass(externals[n], row.name, "thing" if is_voc else kind, row.color)
        for row, n in numbers.items()
    ]
    numbers[void] = BACKGROUND
    indices = {place: numbers.get(row, BORDER) for place, row in enumerate(rows)}
    words = {color_word(black): BACKGROUND, color_word(border): BORDER}
    words |= {color_word(row.color): n for row, n in numbers.items() if row.color}
    return VocClasses(
        SCHEME if is_voc else "",
        tuple(classes),
        externals,
        {BORDER: BORDER} | indices,
        words,
        has_colors=True,
    )
