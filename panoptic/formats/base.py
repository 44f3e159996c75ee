"""What every label format offers: a source to read images from, a writer to add them to.

Reading is in three steps, so that a process pool can do the costly one:

    with format.open(path, options) as source:            # scans the file once, in order
        for item in source.iter_items():                  # small, can be pickled
            image = format.read_item(item, binding, options)   # pure: any process may run it

and writing mirrors it:

    with format.create(target, classes, options) as writer:
        record = writer.encode(image)                     # pure, can be pickled: for the pool
        writer.add(record, photo)                         # bytes, if `options.photos`
        report = writer.close()                           # only now does the target exist

Names of items are unique; an image whose `problems` hold an error has no label. Problems that
concern no single image, or that need the whole file to be seen, are `source.problems`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple, NoReturn, Protocol

from panoptic.errors import PanopticError
from panoptic.formats.losses import HIDDEN_PIXELS, HIDDEN_SEGMENTS
from panoptic.formats.problems import Problem
from panoptic.label import Label

Kind = Literal["stuff", "thing"]
OnOverlap = Literal["small", "first", "last", "refuse"]
Geometry = Literal["rle", "polygon"]


class FileClass(NamedTuple):
    """A class as a file declares it; `external_id` is its id in the scheme of the source."""

    external_id: int | str
    name: str
    kind: Kind
    color: tuple[int, int, int] | None = None
    parent: str | None = None


class BoundClass(NamedTuple):
    """The class of the taxonomy that stands for a class of the file."""

    class_id: int
    kind: Kind


Binding = Mapping[int | str, BoundClass]


class LabelledImage(NamedTuple):
    """One image as read. `label` is None when it is unlabelled, or when a problem is an error.

    split : the part of the dataset that the files put it in; None: they do not say
    hidden_pixels : pixels of full masks that other segments cover; kept, but out of view
    lost_pixels : pixels that stuff took away from things (RULES 1.2)
    """

    name: str
    height: int
    width: int
    label: Label | None
    photo: Path | None = None
    attributes: Mapping[str, Any] = {}
    problems: tuple[Problem, ...] = ()
    hidden_pixels: int = 0
    lost_pixels: int = 0
    split: str | None = None


@dataclass(frozen=True)
class Option:
    """What a format lets a person choose, said as name=value.

    choices : the values there are; none: any text. The first is the default, of text it is "".
    """

    name: str
    help: str
    choices: tuple[str, ...] = ()

    @property
    def default(self) -> str:
        return self.choices[0] if self.choices else ""

    def value_in(self, values: Mapping[str, str]) -> str:
        """What somebody chose, else the default."""
        return values.get(self.name, self.default)


@dataclass(frozen=True)
class ReadOptions:
    """What a person may say about an input.

    labels : folder of label files, where a format keeps them apart from its index
    images : folder of photographs; None: those that the format keeps beside its labels
    classes : table of the classes, where a format keeps it apart
    class_name : class of every segment, in formats without classes
    on_overlap : painting order only; no mask of a thing is cut by another thing
    values : of the format's own options, checked
    watch : what a long scan tells how many bytes it read, and of how many; for `open` only, as
        `read_item` may run elsewhere
    """

    labels: Path | None = None
    images: Path | None = None
    class_name: str | None = None
    on_overlap: OnOverlap = "small"
    classes: Path | None = None
    values: Mapping[str, str] = field(default_factory=dict)
    watch: Callable[[int, int], None] | None = field(default=None, compare=False)


class Item(Protocol):
    """One image to read: small, can be pickled, and carries its raw annotation.

    Where that may be large it says `size_bytes`, and fewer of them are on their way at once.
    """

    @property
    def name(self) -> str: ...


class Source(ABC):
    """An input that has been scanned once; a context manager that frees its spool."""

    scheme: str
    classes: tuple[FileClass, ...]
    count: int | None
    problems: tuple[Problem, ...]

    @abstractmethod
    def iter_items(self) -> Iterator[Any]:
        """Yield the images in the order of the file, each name once."""

    @abstractmethod
    def close(self) -> None:
        """Free what the scan kept on disk."""

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class ExportImage(NamedTuple):
    """One image to write. `label` None: unlabelled.

    source_id : the id that its file gave it when it was imported, with its type
    split : the part of the dataset that it is in; None: none
    photo_name : what the format should call the photograph; None: the image's name
    """

    name: str
    label: Label | None
    height: int
    width: int
    source_id: int | str | None = None
    photo_name: str | None = None
    attributes: Mapping[str, Any] = {}
    split: str | None = None


class ExportClass(NamedTuple):
    """A class of the taxonomy; `external` holds its id per scheme, such as {"coco": 3}."""

    class_id: int
    name: str
    kind: Kind
    color: tuple[int, int, int]
    external: Mapping[str, int | str] = {}
    parent: str | None = None


@dataclass(frozen=True)
class WriteOptions:
    """How to write. No time and no machine enters a file unless `info` brings it.

    scheme : which external ids become the ids of the file; "": those of the format's own list
    geometry : of instances that are no crowd; polygons cannot express holes
    photos : whether the photographs are written, too
    values : of the format's own options, checked
    """

    scheme: str = ""
    geometry: Geometry = "rle"
    photos: bool = False
    values: Mapping[str, str] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)
    licenses: tuple[Mapping[str, Any], ...] = ()


class ExportReport(NamedTuple):
    """What was written, and what the format could not carry.

    lost : how much of what, by the names of `losses.LOSSES`; what is not there lost nothing
    """

    images: int
    segments: int
    lost: Mapping[str, int] = {}
    problems: tuple[Problem, ...] = ()

    @property
    def hidden_pixels(self) -> int:
        return self.lost.get(HIDDEN_PIXELS, 0)

    @property
    def hidden_segments(self) -> int:
        return self.lost.get(HIDDEN_SEGMENTS, 0)

    def to_json(self) -> dict[str, Any]:
        """The body that commands print and jobs keep."""
        return {
            "images": self.images,
            "segments": self.segments,
            "hidden_pixels": self.hidden_pixels,
            "hidden_segments": self.hidden_segments,
            "lost": dict(self.lost),
            "problems": [problem._asdict() for problem in self.problems],
        }


class TargetExists(PanopticError):
    """An export would overwrite something."""

    code = "target_exists"

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} exists already; an export overwrites nothing")
        self.path = str(path)


class Writer(ABC):
    """A target under a temporary name; `close` renames it, leaving without it removes it.

    encode : a pure function that can be pickled; what it returns goes to `add`
    """

    encode: Callable[[ExportImage], Any]

    @abstractmethod
    def add(self, record: Any, photo: bytes | None = None) -> None:
        """Append one encoded image, and its photograph where the options ask for it; each name
        once."""

    @abstractmethod
    def close(self) -> ExportReport:
        """Finish the files and give them their names."""

    @abstractmethod
    def discard(self) -> None:
        """Remove what was written; does nothing after `close`."""

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.discard()


class Carries(NamedTuple):
    """What becomes of what a format may not be able to say; a row of docs/formats.md."""

    void: str
    crowd: str
    overlap: str
    loses: str


class Found(NamedTuple):
    """Files that look like those of a format: what to open, and why it seems so."""

    path: Path
    reason: str


class OneWayFormat(PanopticError):
    """A format is only read, or only written."""

    code = "one_way_format"


def _not_read(*_: object) -> NoReturn:
    raise OneWayFormat("this format is only written")


def _not_written(*_: object) -> NoReturn:
    raise OneWayFormat("this format is only read")


def _recognise_nothing(path: Path) -> Iterable[Found]:
    return ()


@dataclass(frozen=True)
class Format:
    """A label format by its functions; `read_item` is pure and can be pickled.

    scheme : by which list of class ids its files know classes; "": they say names
    has_classes : False: every segment is of the class that `ReadOptions.class_name` names
    has_ids : False: ids come from the parent revision (`matched_ids.assign_ids`)
    file_name : what an export into a folder calls its file; None: the folder is the export
    settings : what it reads of `ReadOptions.labels`, `classes`, `class_name` and `on_overlap`
    recognise : the files at a path that look like this format; cheap, never raises
    recognise, open, read_item, create : left out where a format is only written, or only read
    """

    name: str
    title: str
    has_classes: bool
    has_ids: bool
    file_name: str | None
    carries: Carries
    recognise: Callable[[Path], Iterable[Found]] = _recognise_nothing
    open: Callable[[Path, ReadOptions], Source] = _not_read
    read_item: Callable[[Any, Binding, ReadOptions], LabelledImage] = _not_read
    create: Callable[[Path, tuple[ExportClass, ...], WriteOptions], Writer] = _not_written
    scheme: str = ""
    settings: frozenset[str] = frozenset()
    read_options: tuple[Option, ...] = ()
    write_options: tuple[Option, ...] = ()

    @property
    def is_read(self) -> bool:
        return self.open is not _not_read

    @property
    def is_written(self) -> bool:
        return self.create is not _not_written
