"""Colour maps, written as CamVid has them: `trainannot/*.png`, `train.txt`, `label_colors.txt`.

The maps show the classes of the visible pixels; photographs lie in `train/`. An image without a
split is in `default`, as Datumaro calls it. A class whose colour is black, which is void, or
that of another class is written in another colour, with a warning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from panoptic.formats.base import ExportClass, ExportImage, WriteOptions
from panoptic.formats.color_maps.layouts import ANNOT, NO_SPLIT
from panoptic.formats.color_maps.reader import VOID_COLOR
from panoptic.formats.color_maps.tables import (
    LABEL_COLORS,
    NamedColor,
    assign_colors,
    color_word,
    encode_label_colors,
)
from panoptic.formats.file_trees import FilesRecord, FolderWriter, photo_suffix
from panoptic.formats.losses import FIELDS, MERGED_SEGMENTS
from panoptic.formats.paths import photo_stem
from panoptic.formats.tally import count_fields
from panoptic.formats.visible import leave_out, report_hidden, visible_part
from panoptic.png import encode_panoptic_png
from panoptic.runs import relabel_runs


class ColorsWriter(FolderWriter):
    """Writes the folder `target`."""

    def __init__(self, target: Path, classes: Sequence[ExportClass], options: WriteOptions) -> None:
        colors, problems = assign_colors(classes, [VOID_COLOR], LABEL_COLORS)
        ordered = sorted(classes, key=lambda class_: class_.class_id)
        taken = {class_.name for class_ in classes}
        void = next(name for name in ("Void", "background", "nothing") if name not in taken)
        rows = [NamedColor(class_.name, colors[class_.class_id]) for class_ in ordered]
        table = encode_label_colors([NamedColor(void, VOID_COLOR), *rows])
        words = {class_id: color_word(color) for class_id, color in colors.items()}
        super().__init__(target)
        self._tally.add(0, {}, problems, images=0)
        self.write(LABEL_COLORS, table)
        self.encode = partial(encode_colors, words)
        self._lines: dict[str, list[str]] = {}

    def add(self, record: FilesRecord, photo: bytes | None = None) -> None:
        super().add(record, photo)
        if not record.files:
            return
        suffix = ".png" if photo is None else photo_suffix(photo)
        pair = f"/{record.photo}{suffix}", f"/{record.files[0][0]}"
        line = " ".join(f'"{path}"' for path in pair) if " " in pair[0] else " ".join(pair)
        self._lines.setdefault(record.entry, []).append(f"{line}\n")

    def finish(self) -> None:
        for split, lines in sorted(self._lines.items()):
            self.write(f"{split}.txt", "".join(sorted(lines)).encode())


def encode_colors(words: Mapping[int, int], image: ExportImage) -> FilesRecord:
    """Encode one image; pure. `words` holds the colour of every class by its id.

    Raises UnknownClass for a class that has none.
    """
    if image.label is None:
        return leave_out(image)
    visible = visible_part(image, image.label, words)
    classes = {row.segment_id: row.class_id for row in visible.rows}
    colors = relabel_runs(visible.runs, list(classes), [words[each] for each in classes.values()])
    split, stem = image.split or NO_SPLIT, photo_stem(image.photo_name or image.name)
    return FilesRecord(
        image.name,
        # The word of a colour has its bytes where an id of that number would have them.
        ((f"{split}{ANNOT}/{stem}.png", encode_panoptic_png(colors)),),
        len(classes),
        {
            **visible.lost,
            MERGED_SEGMENTS: len(classes) - len(set(classes.values())),
            FIELDS: count_fields(image.label.segments),
        },
        report_hidden(visible.hidden, image.name),
        photo=f"{split}/{stem}",
        entry=split,
    )
