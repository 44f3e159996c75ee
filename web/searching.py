"""Finding things of a dataset by a piece of their name: images, versions, branches, tags, classes.

Every search is bounded: names that contain a text are looked for among so many images at once, and
the answer says how far.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from django.db.models import Q

from datasets_app.image_rows import ImageRow, read_rows
from datasets_app.image_sources import named_after
from datasets_app.models import Branch, Dataset, Image, Tag, Version
from datasets_app.nodes import SqlNodes
from datasets_app.tree import get_entries
from labels_app.reading import Reading
from web.classes import Chip, chips_of

MOST_FOUND = 12
_NAMES_AT_ONCE = 100_000
_VERSIONS_AT_ONCE = 5_000
_CANDIDATES = 60
_ID = re.compile(r"[0-9a-f]{4,64}\Z")
_NUMBER = re.compile(r"v?([0-9]{1,9})\Z")


class FoundImages(NamedTuple):
    """Images of a version. Names were looked at up to number `looked_to`; None: all of them."""

    rows: list[ImageRow]
    looked_to: int | None
    last: int
    begin_so: bool  # names of some begin with the text


def find_images(version: Version, reading: Reading, text: str, after: int) -> FoundImages:
    """Find images by number, by how their names begin, and by what is in them.

    `after` is the number up to which names were looked at before, 0 at first.
    """
    dataset_id = version.dataset_id
    numbers: dict[int, None] = {}
    if not after:
        number = _NUMBER.match(text)
        if number is not None and not text.startswith("v"):
            numbers[int(number[1])] = None
        found = named_after(dataset_id, text, "", MOST_FOUND)
        numbers |= dict.fromkeys(image_no for _, image_no in found)
    last = version.dataset.next_image_no - 1
    end = after + _NAMES_AT_ONCE
    among = Image.objects.filter(
        dataset=dataset_id, image_no__gt=after, image_no__lte=end, name__icontains=text
    ).order_by("image_no")
    numbers |= dict.fromkeys(among.values_list("image_no", flat=True)[:_CANDIDATES])
    entries = get_entries(SqlNodes(), version.root, numbers)
    kept = {number: entries[number] for number in numbers if number in entries}
    shown = dict([*kept.items()][:MOST_FOUND])
    rows = read_rows(version, reading, shown, None) if shown else []
    begin_so = any(row.name.startswith(text) for row in rows)
    return FoundImages(rows, end if end < last else None, last, begin_so)


def find_versions(dataset: Dataset, text: str) -> list[Version]:
    """Find versions by number, by how their ids begin, and by message among the newest 5,000."""
    wanted = Q(message__icontains=text)
    number = _NUMBER.match(text)
    if number is not None:
        wanted |= Q(number=int(number[1]))
    if _ID.match(text.lower()):
        least = bytes.fromhex(text.lower().ljust(64, "0"))
        most = bytes.fromhex(text.lower().ljust(64, "f"))
        wanted |= Q(version_id__gte=least, version_id__lte=most)
    recent = Version.objects.filter(dataset=dataset).order_by("-number").values("pk")
    among = Version.objects.filter(wanted, pk__in=recent[:_VERSIONS_AT_ONCE])
    found = list(among.order_by("-number")[:MOST_FOUND])
    for version in found:
        version.dataset = dataset
    return found


def find_branches(dataset: Dataset, text: str) -> list[Branch]:
    """Find branches whose names contain a text."""
    named = Branch.objects.filter(dataset=dataset, name__icontains=text)
    return list(named.select_related("head").order_by("name")[:MOST_FOUND])


def find_tags(dataset: Dataset, text: str) -> list[Tag]:
    """Find tags whose names contain a text."""
    named = Tag.objects.filter(dataset=dataset, name__icontains=text)
    return list(named.select_related("version").order_by("name")[:MOST_FOUND])


def find_classes(reading: Reading, text: str) -> list[Chip]:
    """Find live classes whose names contain a text."""
    piece = text.casefold()
    return [chip for chip in chips_of(reading) if piece in chip.name.casefold()][:MOST_FOUND]
