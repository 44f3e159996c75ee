"""Snapshots of drawn labels in a cache, made without a service."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from panoptic.blob_codecs import CODECS, CodecNumber
from panoptic.codec import pack_label
from panoptic.label import Label
from panoptic.packs import NewObject
from tessera.cache import Cache
from tessera.entries import Entry, table_of
from tessera.snapshot import Snapshot
from tests.tessera.builders import blob

_ORIENTATION = 0x0112


class Drawn(NamedTuple):
    """One image of a snapshot: what was drawn of it."""

    label: Label | None = None
    photo: bytes | None = None
    split: str = ""
    attributes: Mapping[str, Any] | None = None


def classes(*drawn: str) -> list[dict[str, Any]]:
    """Classes as the service publishes them: `classes("2 car thing coco=3", "4 van thing >2")`.

    `>2` is a retired class that reads as class 2, `>` one that reads as void.
    """
    return [_class(*one.split()) for one in drawn]


def _class(number: str, name: str, kind: str, *marks: str) -> dict[str, Any]:
    forwards = [mark[1:] for mark in marks if mark.startswith(">")]
    lists = (mark.split("=") for mark in marks if "=" in mark)
    return {
        "id": int(number),
        "name": name,
        "kind": kind,
        "color": f"#{int(number) * 20:02x}8040",
        "parent": None,
        "external": {key: int(value) for key, value in lists},
        "description": "",
        "retired": bool(forwards),
        "forwards_to": int(forwards[0]) if forwards and forwards[0] else None,
    }


STREET = classes(
    "1 road stuff coco=149",
    "2 car thing coco=3",
    "3 person thing coco=1",
    "4 van thing >2",
    "5 blur stuff >",
    "6 sign thing",
)


def make_snapshot(
    folder: Path,
    images: Mapping[str, Drawn],
    *,
    known: list[dict[str, Any]] = STREET,
    labels_only: bool = False,
    erased: Collection[str] = (),
) -> Snapshot:
    """Return the images as a pulled version; the photographs of `erased` are not there."""
    entries, objects = [], []
    for number, (name, drawn) in enumerate(images.items(), 1):
        entry, own = _entry(name, number, drawn)
        entries.append(entry)
        objects += [one for one in own if name not in erased or one.digest != entry.image]
    with Cache(folder) as cache:
        cache.add_objects(list({one.digest: one for one in objects}.values()))
    gone = [one.image.hex() for one in entries if one.name in erased and one.image]
    facts = {
        "dataset": "streets",
        "version": {"id": "ab" * 32, "number": 1},
        "filter": "",
        "labels_only": labels_only,
        "taxonomy": {"taxonomy": "street", "number": 1, "digest": "cd" * 32, "classes": known},
        "erased": gone,
    }
    table_of(entries).save(folder / "snapshots" / "one", facts)
    return Snapshot(folder / "snapshots" / "one", folder)


def photo_of(shape: tuple[int, int], *, seed: int = 0) -> bytes:
    """Return a PNG of (height, width) with pixels of its own."""
    return _file(Image.fromarray(pixels_of(shape, seed=seed)), "PNG")


def pixels_of(shape: tuple[int, int], *, seed: int = 0) -> np.ndarray:
    """Return the pixels of `photo_of`."""
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), np.uint8)


def turned_photo(orientation: int, stored: np.ndarray) -> bytes:
    """Return a PNG that stores these pixels and says by EXIF how they are to be turned."""
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    return _file(Image.fromarray(stored), "PNG", exif=exif)


def _entry(name: str, number: int, drawn: Drawn) -> tuple[Entry, Iterable[NewObject]]:
    label = None if drawn.label is None else _label_blob(drawn.label)
    photo = None if drawn.photo is None else blob(drawn.photo)
    text = None if drawn.attributes is None else json.dumps(drawn.attributes, sort_keys=True)
    attributes = None if text is None else blob(text.replace(": ", ":").encode(), CodecNumber.ZSTD)
    height, width = (0, 0) if drawn.label is None else drawn.label.shape
    if drawn.label is None and drawn.photo is not None:
        width, height = Image.open(io.BytesIO(drawn.photo)).size
    entry = Entry(
        name,
        number,
        *(None if one is None else one.digest for one in (photo, label, attributes)),
        drawn.split,
        "labelled" if label else "unlabelled",
        height,
        width,
    )
    return entry, [one for one in (label, photo, attributes) if one is not None]


def _label_blob(label: Label) -> NewObject:
    packed = pack_label(label)
    stored = hashlib.sha256(packed.stored).digest()
    size = len(CODECS[CodecNumber.LABEL].decode(packed.stored, 0))
    return NewObject(packed.digest, stored, size, int(CodecNumber.LABEL), packed.stored)


def _file(image: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()
