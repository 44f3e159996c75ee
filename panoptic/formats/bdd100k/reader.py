"""Bitmasks of BDD100K, read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from panoptic.errors import MalformedFile
from panoptic.formats.base import Binding, Found, LabelledImage, ReadOptions
from panoptic.formats.bdd100k.classes import (
    ATTRIBUTES,
    BITMASKS,
    CROWD,
    KNOWN_BITS,
    LISTS,
    ClassList,
    Word,
    split_word,
)
from panoptic.formats.bdd100k.tree import MaskFolder, find_masks, iter_masks
from panoptic.formats.coded_maps import (
    join_stuff,
    label_from_numbers,
    numbers_of,
    unbound_class,
)
from panoptic.formats.file_trees import Reading, TreeItem, TreeSource, read_tree_item
from panoptic.formats.photos import Photo
from panoptic.formats.problems import Problem, describe_ids, list_some, warn
from panoptic.label import Segment
from panoptic.png_read import read_value_runs
from panoptic.runs import Runs


def recognise_bdd100k(path: Path) -> Iterator[Found]:
    """Folders `<task>/bitmasks` of tasks of BDD100K."""
    for list_ in LISTS.values():
        for masks in find_masks(path, list_.tasks, BITMASKS):
            shown = "/".join(masks.path.parts[-3 if masks.split else -2 :])
            yield Found(masks.path, f"{shown} is the folder of bitmasks of BDD100K")


def open_bdd100k(path: Path, options: ReadOptions) -> TreeSource:
    """List the bitmasks; no file is opened."""
    wanted = options.values.get("classes", "auto")
    names = list(LISTS) if wanted == "auto" else [wanted]
    found = [
        (name, masks) for name in names for masks in find_masks(path, LISTS[name].tasks, BITMASKS)
    ]
    if not found and wanted != "auto":
        found = [(wanted, MaskFolder(path))]
    if len(found) == 1:
        ((name, masks),) = found
        return TreeSource(
            path,
            classes=LISTS[name].classes,
            scheme=LISTS[name].scheme,
            items=(item._replace(facts={"classes": name}) for item in iter_masks(masks)),
            wanted="PNGs",
        )
    reason = "no <task>/bitmasks says whose classes these are; say so by the option classes"
    if found:
        shown = list_some([f"{each.path.parent.name}/{BITMASKS}" for _, each in found])
        reason = f"it holds {shown}; open one of them"
    problem = Problem("ambiguous_folder", reason, path.name)
    return TreeSource(path, classes=(), scheme="", items=(), problems=(problem,))


def read_bdd100k_item(item: TreeItem, binding: Binding, options: ReadOptions) -> LabelledImage:
    """Read one image; whatever its file holds becomes a problem, never an exception."""
    return read_tree_item(item, options, partial(_read, item, binding))


def _read(item: TreeItem, binding: Binding, photo: Photo) -> Reading:
    path = Path(item.files["mask"])
    runs = read_value_runs(path, "word")
    words = {number: split_word(number) for number in numbers_of(runs)}
    list_ = LISTS[item.facts["classes"]]
    _check_words(runs, words, list_, path.name)
    found: list[Problem] = []
    if strays := [number for number, word in words.items() if number and not word.class_number]:
        message = (
            f"{_count(runs, strays)} pixels have an instance or attributes and no class:"
            " read as void"
        )
        found.append(warn("classless_pixels", message, file=path.name))
    rows: dict[int, Segment] = {}
    unknown: Counter[int] = Counter()
    for word in _join_words(words, path.name, found).values():
        bound = binding.get(word.class_number)
        if bound is None:
            unknown[word.class_number] += 1
            continue
        crowd = bool(word.bits & CROWD)
        attributes = {name: True for name, bit in ATTRIBUTES.items() if word.bits & bit}
        row = Segment(word.instance, bound.class_id, crowd, attributes=attributes)
        if bound.kind == "stuff":
            row = _drop_crowd(row, path.name, found)
        rows[row.segment_id] = row
    names = {each.external_id: each.name for each in list_.classes}
    found += [
        unbound_class(names[number], count)._replace(file=path.name)
        for number, count in unknown.items()
    ]
    meanings = {
        number: rows.get(word.instance) if word.class_number else None
        for number, word in words.items()
    }
    meanings, joined = join_stuff(meanings, binding, path.name, item.name)
    return Reading(label_from_numbers(runs, meanings), (*found, *joined))


def _drop_crowd(row: Segment, file: str, found: list[Problem]) -> Segment:
    if row.crowd:
        message = f"segment {row.segment_id} is stuff; its crowd flag was dropped"
        found.append(warn("stuff_crowd", message, file=file, segment=row.segment_id))
    return row._replace(crowd=False)


def _check_words(runs: Runs, words: Mapping[int, Word], list_: ClassList, file: str) -> None:
    """MalformedFile for what no bitmask may hold."""
    known = {0, *(each.external_id for each in list_.classes)}
    faults: dict[str, list[int]] = {}
    for number, word in words.items():
        if word.class_number not in known:
            faults.setdefault("a class that the list lacks", []).append(number)
        elif word.bits & ~KNOWN_BITS:
            faults.setdefault("an unknown bit in G", []).append(number)
        elif word.class_number and not word.instance:
            faults.setdefault("a class and instance 0", []).append(number)
    for reason, strange in faults.items():
        told = [str(tuple(number.to_bytes(4, "little"))) for number in strange[:3]]
        shown = list_some([*told, *strange[3:]], 3)
        raise MalformedFile(f"{_count(runs, strange)} pixels have {reason}: {shown}", file=file)


def _count(runs: Runs, numbers: list[int]) -> int:
    return int(runs.lengths[np.isin(runs.values, numbers)].sum())


def _join_words(words: Mapping[int, Word], file: str, found: list[Problem]) -> dict[int, Word]:
    """What is said of every instance: its words differ in no class, and their bits are joined."""
    instances: dict[int, Word] = {}
    torn, mixed = set(), set()
    for word in words.values():
        if word.class_number:
            other = instances.setdefault(word.instance, word)
            instances[word.instance] = word._replace(bits=word.bits | other.bits)
            if other.class_number != word.class_number:
                torn.add(word.instance)
            elif other.bits != word.bits:
                mixed.add(word.instance)
    if torn:
        ids = sorted(torn)
        message = f"{describe_ids(ids)} with pixels of several classes"
        found.append(Problem("duplicate_id", message, file, segment=ids[0]))
    if mixed:
        ids = sorted(mixed)
        message = f"{describe_ids(ids)} with several sets of attributes: joined"
        found.append(warn("mixed_attributes", message, file=file, segment=ids[0]))
    return instances
