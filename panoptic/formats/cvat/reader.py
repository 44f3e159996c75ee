"""CVAT for images 1.1, read: masks and polygons; every other shape describes no area.

The file is scanned once, image by image. Where several subsets have images of one name, the
subset comes before the name, as in the folder `images` of an exported project.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

from panoptic.errors import MalformedFile
from panoptic.formats.base import Binding, FileClass, Found, LabelledImage, OnOverlap, ReadOptions
from panoptic.formats.coded_maps import number_by_first_pixel, unbound_class
from panoptic.formats.cvat.rle import Box, decode_cvat_rle
from panoptic.formats.cvat.xml import Element, Refused, iter_elements
from panoptic.formats.file_trees import Reading, TreeItem, TreeSource, read_tree_item, reading_of
from panoptic.formats.painting import Mask, paint_masks
from panoptic.formats.paths import InvalidName, find_photo
from panoptic.formats.photos import Photo
from panoptic.formats.problems import Problem, has_errors, warn
from panoptic.formats.spool import Spool
from panoptic.label import Segment
from panoptic.polygons import decode_polygons
from panoptic.runs import Spans, check_size, spans_of_mask

# The attribute that says of a mask that it is a crowd; CVAT has no word for it.
CROWD = "iscrowd"
BY_HAND = "manual"
PHOTOS = "images"

_SHAPES = ("mask", "polygon")
_WHOLE = re.compile(r"(-?[0-9]{1,9})(?:\.0*)?")
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")
_HEAD = re.compile(rb"<annotations\b.*?<(version|meta|image|track)\b", re.DOTALL)
_HEAD_BYTES = 2**16
# A folder may hold an XML file for every image of another format.
_MOST_FILES = 10


def recognise_cvat(path: Path) -> Iterator[Found]:
    """XML files that begin as CVAT's do; of a folder the first ten are looked into."""
    files = [path] if path.is_file() else islice(sorted(path.glob("*.xml")), _MOST_FILES)
    for file in files:
        if file.suffix.lower() == ".xml" and (found := _HEAD.search(_read_head(file))):
            reason = f"{file.name} has <{found[1].decode()}> in <annotations>, as CVAT writes it"
            yield Found(file, reason)


class CvatSource(TreeSource):
    """A scanned XML file. Its classes are the labels that it declares, then those it uses."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._labels: dict[str, FileClass] = {}
        items = self._iter_images()
        super().__init__(path, classes=(), scheme="", items=items, wanted="images")
        self.classes = tuple(self._labels.values())

    def settle_names(self, spool: Spool) -> None:
        shared = "SELECT name FROM images GROUP BY name HAVING count(*) > 1"
        spool.execute(
            f"UPDATE images SET name = split || '/' || name WHERE split > '' AND name IN ({shared})"
        )

    def _iter_images(self) -> Iterator[TreeItem]:
        used: dict[str, None] = {}
        photos = self._path.parent / PHOTOS
        folder = photos if photos.is_dir() else None
        for element in iter_elements(self._path, _is_wanted):
            if element.tag == "label":
                self._declare(element)
                continue
            item = _item_of(element, self._path, folder)
            used.update(dict.fromkeys(shape[1].get("label", "") for shape in item.facts["shapes"]))
            yield item
        for name in used:
            if name:
                self._labels.setdefault(name, FileClass(name, name, "thing"))

    def _declare(self, label: Element) -> None:
        """Keep a label, unless it is that of a point of a skeleton."""
        name, color = label.text_of("name"), label.text_of("color")
        if name and not label.text_of("parent"):
            self._labels.setdefault(name, FileClass(name, name, "thing", _read_color(color)))


def open_cvat(path: Path, options: ReadOptions) -> CvatSource:
    """Scan the XML; MalformedFile for what is none, or is that of a video."""
    return CvatSource(path)


def read_cvat_item(item: TreeItem, binding: Binding, options: ReadOptions) -> LabelledImage:
    """Read one image; whatever the file says of it becomes a problem, never an exception."""
    image = read_tree_item(item, options, partial(_read, item, binding, options))
    file = Path(item.files["xml"]).name
    told = (problem._replace(file=problem.file or file) for problem in image.problems)
    return image._replace(problems=tuple(told))


def _is_wanted(path: tuple[str, ...]) -> bool:
    if path[0] != "annotations":
        raise Refused(f"the file holds <{path[0]}>, not the <annotations> of CVAT")
    if path[1:] == ("track",):
        reason = "the file has tracks, as CVAT for video 1.1 has; export it as CVAT for images 1.1"
        raise Refused(reason)
    return path[1:] == ("image",) or (path[1:2] == ("meta",) and path[-2:] == ("labels", "label"))


def _item_of(image: Element, path: Path, folder: Path | None) -> TreeItem:
    """An image; `folder` is that of the photographs."""
    name, subset = image.attributes.get("name", ""), image.attributes.get("subset", "")
    ignored = Counter(shape.tag for shape in image.children if shape.tag not in _SHAPES)
    shapes = [
        (
            shape.tag,
            shape.attributes,
            [(one.attributes.get("name", ""), one.text) for one in shape.children],
        )
        for shape in image.children
        if shape.tag in _SHAPES
    ]
    facts = {
        "size": [image.attributes.get(side, "") for side in ("height", "width")],
        "shapes": shapes,
        "ignored": ignored,
    }
    photo = "" if folder is None else _find_photo(folder, subset, name)
    return TreeItem(name, {"xml": str(path)}, photo, subset or None, facts)


def _find_photo(folder: Path, subset: str, name: str) -> str:
    """Where CVAT puts photographs: a project those of every subset in a folder of its own."""
    try:
        found = find_photo(folder, f"{subset}/{name}") if subset else None
        return str(found or find_photo(folder, name) or "")
    except InvalidName:
        return ""


def _read(item: TreeItem, binding: Binding, options: ReadOptions, photo: Photo) -> Reading:
    height, width = (_whole(text, "size") for text in item.facts["size"])
    check_size(height, width)
    found = _report_ignored(item.facts["ignored"])
    strange: Counter[str] = Counter()
    stacked: list[tuple[int, Mask]] = []
    for number, (tag, attributes, texts) in enumerate(item.facts["shapes"], 1):
        name = attributes.get("label", "")
        bound = binding.get(name)
        if bound is None:
            strange[name] += 1
            continue
        try:
            spans = _read_spans(tag, attributes, height, width)
            row = _read_row(number, bound.class_id, attributes, dict(texts))
            order = _whole(attributes.get("z_order", "0"), "z_order")
        except MalformedFile as error:
            message = f"{tag} {number}, {name!r}: {error.reason}"
            found.append(Problem(error.code, message, segment=number))
            continue
        if row.crowd and bound.kind == "stuff":
            found.append(warn("stuff_crowd", f"{tag} {number} is stuff; its {CROWD} was dropped"))
            row = row._replace(crowd=False)
        stacked.append((order, Mask(row, bound.kind, spans)))
    found += [unbound_class(name, count) for name, count in sorted(strange.items())]
    if has_errors(found):
        return Reading(None, tuple(found))
    # Sorting is stable: of masks of one z_order those that come later lie on top.
    masks = [mask for _, mask in sorted(stacked, key=lambda pair: pair[0])]
    on_overlap: OnOverlap = "refuse" if options.on_overlap == "refuse" else "last"
    reading = reading_of(paint_masks(height, width, masks, on_overlap, sinks_crowds=False))
    label = reading.label and number_by_first_pixel(reading.label)
    return reading._replace(label=label, problems=(*found, *reading.problems))


def _read_spans(tag: str, attributes: Mapping[str, str], height: int, width: int) -> Spans:
    if tag == "polygon":
        points = _read_points(attributes.get("points", ""))
        return spans_of_mask(decode_polygons([points], height, width))
    box = Box(*(_whole(attributes.get(side, ""), side) for side in Box._fields))
    return decode_cvat_rle(attributes.get("rle", ""), box, height, width)


def _read_points(text: str) -> list[float]:
    try:
        pairs = [pair.split(",") for pair in text.split(";")]
        return [float(value) for x, y in pairs for value in (x, y)]
    except ValueError:
        raise MalformedFile("the points are not `x,y;x,y;…`") from None


def _read_row(
    number: int, class_id: int, attributes: Mapping[str, str], texts: dict[str, str]
) -> Segment:
    """A row with the attributes of a shape, which are texts, and what CVAT itself says of it."""
    crowd = texts.pop(CROWD, "") in ("true", "1")
    own: dict[str, Any] = {}
    if attributes.get("occluded") == "1":
        own["occluded"] = True
    if attributes.get("group_id"):
        own["group_id"] = _whole(attributes["group_id"], "group_id")
    if attributes.get("source", BY_HAND) != BY_HAND:
        own["source"] = attributes["source"]
    return Segment(number, class_id, crowd, attributes={**own, **texts})


def _read_color(text: str) -> tuple[int, int, int] | None:
    if not _COLOR.fullmatch(text):
        return None
    red, green, blue = bytes.fromhex(text[1:])
    return red, green, blue


def _whole(text: str, what: str) -> int:
    found = _WHOLE.fullmatch(text)
    if found is None:
        raise MalformedFile(f"{what} {text[:40]!r} is no whole number")
    return int(found[1])


def _report_ignored(ignored: Mapping[str, int]) -> list[Problem]:
    if not ignored:
        return []
    told = ", ".join(f"{count} {tag}" for tag, count in sorted(ignored.items()))
    return [warn("ignored_shape", f"neither masks nor polygons, so left out: {told}")]


def _read_head(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(_HEAD_BYTES)
    except OSError:
        return b""
