"""Decode label files in worker processes: items in, packed labels out."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from datasets_app.imports.checking import CLEAN, CheckedLabel, ImportRules, check_import
from datasets_app.jobs.executor import map_shards
from panoptic.codec import EncodedLabel, decode_label, pack_label
from panoptic.errors import PanopticError
from panoptic.formats.base import Binding, LabelledImage, ReadOptions
from panoptic.formats.matched_ids import assign_ids
from panoptic.formats.problems import Problem, problem_of
from panoptic.formats.registry import get_format
from panoptic.images import ImageHeader, read_header

_ITEMS_PER_SHARD = 32
# Some images have annotations of megabytes, and several shards of them are on their way.
_BYTES_PER_SHARD = 4_000_000


class PhotoFile(NamedTuple):
    """A photograph that lies beside the labels."""

    path: Path
    header: ImageHeader


class ReadImage(NamedTuple):
    """One image of an import after its files were read: small, and it pickles."""

    name: str
    encoded: EncodedLabel | None
    photo: PhotoFile | None
    attributes: Mapping[str, Any]
    problems: tuple[Problem, ...]
    hidden_pixels: int
    lost_pixels: int
    split: str | None = None
    checked: CheckedLabel = CLEAN


class Shard(NamedTuple):
    """Some items of one import, with all that a worker needs to read them."""

    format_name: str
    items: list[Any]
    parents: dict[str, bytes]  # stored labels that lend their segment ids
    binding: Binding
    options: ReadOptions
    rules: ImportRules | None


def read_images(
    format_name: str,
    items: Iterable[Any],
    binding: Binding,
    options: ReadOptions,
    find_parents: Callable[[list[str]], dict[str, bytes]],
    rules: ImportRules | None = None,
) -> Iterator[ReadImage]:
    """Read every item, in order, on all processors.

    `find_parents` maps names to the stored labels of the branch's head; it is asked
    only for formats whose files hold no segment ids. `rules` None: there is nothing to check.
    """
    needs_parents = not get_format(format_name).has_ids

    def shards() -> Iterator[Shard]:
        for some in _small_batches(items):
            parents = find_parents([item.name for item in some]) if needs_parents else {}
            yield Shard(format_name, some, parents, binding, options, rules)

    for images in map_shards(read_shard, shards()):
        yield from images


def _small_batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield items in lists that are short, and shorter where items are large."""
    batch: list[Any] = []
    size = 0
    for item in items:
        batch.append(item)
        size += getattr(item, "size_bytes", 0)
        if len(batch) == _ITEMS_PER_SHARD or size >= _BYTES_PER_SHARD:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def read_shard(shard: Shard) -> list[ReadImage]:
    """Read the items of one shard (runs in a worker process)."""
    form = get_format(shard.format_name)
    images = []
    for item in shard.items:
        image = form.read_item(item, shard.binding, shard.options)
        if image.label is not None and item.name in shard.parents:
            parent = decode_label(shard.parents[item.name])
            image = image._replace(label=assign_ids(image.label, parent))
        images.append(_pack(image, shard.rules))
    return images


def _pack(image: LabelledImage, rules: ImportRules | None) -> ReadImage:
    photo, problem = _read_photo(image) if image.photo else (None, None)
    return ReadImage(
        name=image.name,
        encoded=None if image.label is None else pack_label(image.label),
        photo=photo,
        attributes=image.attributes,
        problems=image.problems + ((problem,) if problem else ()),
        hidden_pixels=image.hidden_pixels,
        lost_pixels=image.lost_pixels,
        split=image.split,
        checked=CLEAN if image.label is None or rules is None else check_import(image.label, rules),
    )


def _read_photo(image: LabelledImage) -> tuple[PhotoFile | None, Problem | None]:
    """Read a photograph's header; the format has held its sizes against the label's."""
    assert image.photo is not None
    try:
        return PhotoFile(image.photo, read_header(image.photo)), None
    except PanopticError as error:
        return None, problem_of(error, file=str(image.photo), image=image.name)
