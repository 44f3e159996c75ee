"""A pulled version: its images in a fixed order, read from the cache by any process."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from panoptic.views import ClassMap
from tessera.bridges import load_bridge
from tessera.cache import Cache, Place
from tessera.entries import DamagedTable, Entry, EntryTable, load_entries
from tessera.errors import NotFound, ObjectCorrupt, ObjectErased, ObjectMissing, TesseraError
from tessera.items import Item
from tessera.taxonomy import LabelClass, Taxonomy, parse_taxonomy

if TYPE_CHECKING:
    from tessera.bridges.torch import TorchDataset
    from tessera.pulling import PullRequest

# A million places would take half a gigabyte; those of an epoch of most datasets fit.
_PLACES_KEPT = 2**16
_FULL_ID = re.compile(r"[0-9a-f]{64}")


class Snapshot:
    """An exact version of a dataset, or what a filter chose of it.

    `snapshot[7]`, `snapshot["park/7.jpg"]`, `for item in snapshot`. Images are sorted by name. It
    can be pickled and sent to other processes, which read the same files. Opening it raises
    `NotFound` where it is gone from the cache, `ObjectCorrupt` where a bit of it is wrong.
    """

    def __init__(self, folder: Path, cache_folder: Path) -> None:
        self.folder, self._cache_folder = folder, cache_folder
        self.table: EntryTable
        self.facts: Mapping[str, Any]
        self.table, self.facts = _opened(folder)
        self._class_maps: dict[tuple[str, int], ClassMap] = {}
        self._cache: Cache | None = None
        self._process = 0
        self._places: dict[bytes, Place] = {}

    def __reduce__(self) -> tuple[type[Snapshot], tuple[Path, Path]]:
        return Snapshot, (self.folder, self._cache_folder)

    def __len__(self) -> int:
        return len(self.table)

    def __iter__(self) -> Iterator[Item]:
        return (Item(self, entry) for entry in self.table)

    @overload
    def __getitem__(self, key: int | str) -> Item: ...
    @overload
    def __getitem__(self, key: slice) -> list[Item]: ...

    def __getitem__(self, key: int | str | slice) -> Item | list[Item]:
        if isinstance(key, slice):
            return [Item(self, self.table[place]) for place in range(*key.indices(len(self)))]
        if isinstance(key, str):
            found = self.table.find(key)
            if found is None:
                raise NotFound(f"{self} has no image {key!r}")
            return Item(self, self.table[found])
        if not -len(self) <= key < len(self):
            raise IndexError(key)
        return Item(self, self.table[key % len(self)])

    def __repr__(self) -> str:
        version = self.version
        chosen = f" ({self.filter})" if self.filter else ""
        return f"<Snapshot {self.dataset}@v{version['number']}{chosen}: {len(self)} images>"

    def item_of(self, entry: Entry) -> Item:
        """Return the image of an entry of this snapshot."""
        return Item(self, entry)

    @property
    def dataset(self) -> str:
        """The dataset's slug."""
        return str(self.facts["dataset"])

    @property
    def version(self) -> Mapping[str, Any]:
        """The version: id, number, message, author …"""
        found: Mapping[str, Any] = self.facts["version"]
        return found

    @property
    def filter(self) -> str:
        """What chose its images; "": all of them."""
        return str(self.facts["filter"])

    @property
    def labels_only(self) -> bool:
        """Whether photographs were left out."""
        return bool(self.facts["labels_only"])

    @cached_property
    def taxonomy(self) -> Taxonomy:
        """The classes by which its labels are read."""
        return parse_taxonomy(self.facts["taxonomy"])

    @property
    def classes(self) -> tuple[LabelClass, ...]:
        """The live classes, by id."""
        return tuple(self.taxonomy.classes[key] for key in sorted(self.taxonomy.classes))

    @cached_property
    def erased(self) -> frozenset[bytes]:
        """Digests of bytes that were destroyed on purpose and cannot be pulled."""
        return frozenset(bytes.fromhex(text) for text in self.facts["erased"])

    def class_map(self, ids: str = "class", void: int = 0) -> ClassMap:
        """Return how stored classes become the ids of a list; see `Taxonomy.class_map`."""
        if (ids, void) not in self._class_maps:
            self._class_maps[ids, void] = self.taxonomy.class_map(ids, void)
        return self._class_maps[ids, void]

    def to_torch(
        self,
        target: Literal["semantic", "instance", "panoptic"] = "panoptic",
        *,
        ids: str = "class",
        void: int = 0,
        photos: bool = True,
        transform: Callable[[Any, Any], Any] | None = None,
    ) -> TorchDataset:
        """Return the labelled images as a torch dataset of `(photo, target)`.

        Parameters
        ----------
        target
            semantic: int64 (height, width); panoptic: id map and segments; instance: boxes, labels
            and full masks, as torchvision's detection models take them.
        ids, void
            As in `Item.semantic`.
        photos
            False: None stands in for the photograph, uint8 (3, height, width) else.
        transform
            Called with photograph and target; what it returns is the example.
        """
        photos = photos and not self.labels_only
        found: TorchDataset = load_bridge("torch").TorchDataset(
            self, target, ids=ids, void=void, photos=photos, transform=transform
        )
        return found

    def to_huggingface(self) -> Any:
        """Return a `datasets.DatasetDict`, a dataset per split, of the labelled images.

        Photograph, panoptic PNG (ids as colours), semantic PNG (class ids) and the segments in
        view. Lost: what lies under other segments, tracks, scores, origins, attributes of segments
        and images, images without a label; of classes all but the name. A `LostInBridge` warns.
        """
        return load_bridge("huggingface").dataset_of(self)

    def to_datumaro(self) -> Any:
        """Return a `datumaro.Dataset` with a mask per segment, full masks with their z-order.

        Lost: tracks, scores, origins, attributes of segments and images; of classes all but name
        and colour. A `LostInBridge` warns.
        """
        return load_bridge("datumaro").dataset_of(self)

    def to_fiftyone(self, folder: str | Path, name: str | None = None) -> Any:
        """Return a `fiftyone.Dataset`; photographs are written into `folder`, where it shows them.

        Semantic masks of class ids, and things as detections with full masks. Lost: ids, scores
        and covered pixels of stuff, tracks, origins, attributes of segments and images, images
        without a photograph; of classes all but id and name. A `LostInBridge` warns.
        """
        return load_bridge("fiftyone").dataset_of(self, Path(folder), name)

    def read(self, digest: bytes, name: str) -> bytes:
        """Return the content of a blob, checked; `name` is for whoever reads the error."""
        if digest in self.erased:
            raise ObjectErased(f"{name}: object {digest.hex()} was erased")
        with _named(name):
            return self.cache.read(digest)

    def read_stored(self, digest: bytes, name: str) -> bytes:
        """Return the stored bytes of a blob, checked by their sha256."""
        if digest in self.erased:
            raise ObjectErased(f"{name}: object {digest.hex()} was erased")
        with _named(name):
            known = self._places.get(digest)
            if known is not None:
                # A place that is wrong by now is found out: all that is read is checked.
                with suppress(ObjectCorrupt, ObjectMissing):
                    return self.cache.read_stored(known)
            place = self.cache.locate([digest])[digest]
            stored = self.cache.read_stored(place)
            if len(self._places) >= _PLACES_KEPT:
                self._places.clear()
            self._places[digest] = place
            return stored

    @property
    def cache(self) -> Cache:
        """The cache that holds its bytes."""
        # A connection to SQLite must not be used by the child of a fork.
        if self._cache is None or self._process != os.getpid():
            self._cache, self._process = Cache(self._cache_folder), os.getpid()
        return self._cache


def _opened(folder: Path) -> tuple[EntryTable, dict[str, Any]]:
    try:
        return load_entries(folder)
    except FileNotFoundError as error:
        raise NotFound(f"{folder} holds no snapshot any more: pull it again") from error
    except DamagedTable as error:
        raise ObjectCorrupt(
            f"{error}: `tessera verify --repair` mends it, or another pull",
            facts={"digest": "", "file": str(error.file), "offset": 0},
        ) from error


def find_snapshot(cache_folder: Path, url: str, request: PullRequest) -> Snapshot | None:
    """Return a version of a service that was pulled before; the request names it by its full id.

    None where it is not there, or some of what it names is gone: somebody may have cleared the
    cache, which many share.

    Raises
    ------
    ObjectCorrupt
        A bit of its own files is wrong.
    """
    from tessera.pulling.pull import columns_of, line_of

    if not _FULL_ID.fullmatch(request.rev):
        return None
    with Cache(cache_folder) as cache:
        folder = line_of(cache, url, request) / request.rev
        if not (folder / "entries.json").exists():
            return None
        found = Snapshot(folder, cache_folder)
        named = found.table.digests(columns_of(request.labels_only))
        return None if set(cache.missing(named)) - found.erased else found


@contextmanager
def _named(name: str) -> Iterator[None]:
    """Let errors of a block tell the image, too."""
    try:
        yield
    except TesseraError as error:
        error.message = f"{name}: {error.message}"
        error.args = (error.message,)
        raise
