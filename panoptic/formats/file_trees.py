"""Formats that are folders of files, a few for every image: scanning them, reading, writing.

A format lists its files as `TreeItem`s and reads one of them; the rest is the same for all:
names are checked and unique, faults become problems, photographs are found and measured.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from errno import ENAMETOOLONG
from pathlib import Path
from typing import Any, NamedTuple

from panoptic.errors import PanopticError, TooLarge
from panoptic.formats.base import (
    ExportReport,
    FileClass,
    LabelledImage,
    ReadOptions,
    Source,
    Writer,
)
from panoptic.formats.painting import Painting
from panoptic.formats.paths import InvalidName, check_relative, member_path, normal_name
from panoptic.formats.photos import Photo, check_size, locate_photo, open_photo
from panoptic.formats.problems import Problem, ProblemList, has_errors, problem_of, warn
from panoptic.formats.spool import Spool
from panoptic.formats.staging import Staging
from panoptic.formats.tally import ExportTally
from panoptic.label import Label

_SCHEMA = "CREATE TABLE images (seq INTEGER PRIMARY KEY, name TEXT, split TEXT, raw TEXT);"

# Of a file or folder, on the disks that there are.
_MAX_PART_BYTES = 255


class TreeItem(NamedTuple):
    """The files of one image.

    name : of the image in the dataset
    files : paths by what they are to the format, such as "class" and "object"
    photo : the photograph that lies where the format has it; "": none does
    facts : what else the scan learned; JSON
    """

    name: str
    files: Mapping[str, str]
    photo: str = ""
    split: str | None = None
    facts: Mapping[str, Any] = {}


class TreeSource(Source):
    """Listed items, kept on disk; sorted by name."""

    def __init__(
        self,
        root: Path,
        *,
        classes: Iterable[FileClass],
        scheme: str,
        items: Iterable[TreeItem],
        problems: Iterable[Problem] = (),
        wanted: str = "label files",
    ) -> None:
        self.scheme, self.classes = scheme, tuple(classes)
        self._root = root
        self._found = ProblemList()
        for problem in problems:
            self._found.add(problem)
        self._spool = Spool(_SCHEMA)
        try:
            self._scan(items, wanted)
        except BaseException:
            self._spool.close()
            raise
        self.count = self._spool.value("SELECT count(DISTINCT name) FROM images")
        self.problems = self._found.as_tuple()

    def iter_items(self) -> Iterator[TreeItem]:
        rows = self._spool.iter_rows(
            "SELECT name, split, raw FROM images WHERE seq IN"
            " (SELECT min(seq) FROM images GROUP BY name) ORDER BY name"
        )
        for name, split, raw in rows:
            files, photo, facts = json.loads(raw)
            yield TreeItem(name, files, photo, split, facts)

    def close(self) -> None:
        self._spool.close()

    def settle_names(self, spool: Spool) -> None:
        """Change names that occur twice, where a format knows how; what is left is refused."""

    def _scan(self, items: Iterable[TreeItem], wanted: str) -> None:
        for number, item in enumerate(items, 1):
            try:
                name = normal_name(item.name)
                if item.split is not None:
                    check_relative(item.split)  # folders and lists may have names that are no text
            except InvalidName as error:
                self._error(error.code, error.reason)
                continue
            raw = json.dumps([dict(item.files), item.photo, dict(item.facts)])
            self._spool.insert("images", (number, name, item.split, raw))
        self.settle_names(self._spool)
        twice = self._spool.iter_rows(
            "SELECT name, count(*) FROM images GROUP BY name HAVING count(*) > 1 ORDER BY name"
        )
        for name, times in twice:
            message = f"{times} labels are of an image {name!r}"
            self._found.add(Problem("duplicate_name", message, self._root.name, name))
        if not has_errors(self._found.as_tuple()) and not self._spool.value(
            "SELECT count(*) FROM images"
        ):
            message = f"no {wanted} in {self._root.name}"
            if self._root.is_file():
                message += ", which is a file"
            self._error("no_images", message)

    def _error(self, code: str, message: str) -> None:
        self._found.add(Problem(code, message, self._root.name))


class Reading(NamedTuple):
    """What the files of one image say; `label` None: it is unlabelled, or has an error."""

    label: Label | None
    problems: tuple[Problem, ...] = ()
    hidden_pixels: int = 0
    lost_pixels: int = 0
    attributes: Mapping[str, Any] = {}


def reading_of(painting: Painting, attributes: Mapping[str, Any] | None = None) -> Reading:
    """What was painted, as a reading."""
    return Reading(
        painting.label,
        painting.problems,
        painting.hidden_pixels,
        painting.lost_pixels,
        attributes or {},
    )


def read_tree_item(
    item: TreeItem, options: ReadOptions, read: Callable[[Photo], Reading]
) -> LabelledImage:
    """One image by `read`, which is told of the photograph; what it raises is a problem.

    The photograph is looked for in `options.images` if that is given, else where the item says.
    """
    photo = Photo()
    if options.images is not None:
        photo = locate_photo(options.images, item.name)
    elif item.photo:
        photo = open_photo(Path(item.photo), item.name)
    reading = Reading(None)
    found = list(photo.problems)
    try:
        reading = read(photo)
    except PanopticError as error:
        file = next(iter(item.files.values()), "")
        found.append(problem_of(error, file=Path(file).name, image=item.name))
    except OSError as error:
        reason = f"a file cannot be read: {error.strerror or error}"
        found.append(Problem("malformed_file", reason, Path(error.filename or "").name, item.name))
    found += [problem._replace(image=problem.image or item.name) for problem in reading.problems]
    label = reading.label
    size = label.shape if label is not None else next(iter(photo.sizes), (0, 0))
    if label is not None:
        found += check_size(photo, size, item.name)
    return LabelledImage(
        item.name,
        *size,
        None if has_errors(found) else label,
        photo.path,
        reading.attributes,
        tuple(found),
        reading.hidden_pixels,
        reading.lost_pixels,
        item.split,
    )


class FilesRecord(NamedTuple):
    """An encoded image.

    files : relative path and content of every file; none: the image is left out
    photo : relative path of its photograph, without suffix; "": it gets none
    entry : what the files of the whole need to know of it; can be pickled
    """

    name: str
    files: tuple[tuple[str, bytes], ...]
    segments: int = 0
    lost: Mapping[str, int] = {}
    problems: tuple[Problem, ...] = ()
    photo: str = ""
    entry: Any = None


class FolderWriter(Writer):
    """Writes the folder `target`; a format says by `finish` what stands beside the images."""

    def __init__(self, target: Path) -> None:
        self._staging = Staging(target)
        self.folder = self._staging.path(target)
        self.folder.mkdir()
        self._tally = ExportTally()

    def add(self, record: FilesRecord, photo: bytes | None = None) -> None:
        hidden = report_hidden_file((name for name, _ in record.files), record.name)
        problems = (*record.problems, *hidden)
        self._tally.add(record.segments, record.lost, problems, images=int(bool(record.files)))
        if not record.files:
            return
        for name, content in record.files:
            self.write(name, content, image=record.name)
        if photo is not None and record.photo:
            self.write(record.photo + photo_suffix(photo), photo, image=record.name)
        self.note(record)

    def write(self, name: str, content: bytes, *, image: str = "") -> None:
        """A file of the export; NameTaken if two images would have the same one."""
        write_new(self.folder, name, content, image=image)

    def note(self, record: FilesRecord) -> None:
        """Keep what `finish` needs of an image."""

    def finish(self) -> None:
        """Write what stands beside the images: lists, tables."""

    def close(self) -> ExportReport:
        self.finish()
        self._staging.commit()
        return self._tally.report()

    def discard(self) -> None:
        self._staging.discard()


def write_new(folder: Path, name: str, content: bytes, *, image: str = "") -> None:
    """Write a file below a folder. NameTaken if two images would have the same one, or one of
    them a folder where the other has a file; TooLarge for a name that disks do not take."""
    path = member_path(folder, name, image=image)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(content)
    except (FileExistsError, NotADirectoryError):
        raise NameTaken(name, image) from None
    except OSError as error:
        longest = max(len(part.encode()) for part in name.split("/"))
        if error.errno != ENAMETOOLONG:
            raise
        what = f"bytes in the name of a file of image {image}"
        raise TooLarge(what, actual=longest, limit=_MAX_PART_BYTES) from None


class NameTaken(PanopticError):
    """Two images of an export would be written to one file."""

    code = "name_taken"

    def __init__(self, file: str, image: str) -> None:
        super().__init__(f"image {image}: another image is written to {file} already")
        self.file, self.image = file, image


def photo_suffix(content: bytes) -> str:
    """The usual suffix of a photograph, by its first bytes; "" for one of no known kind."""
    for start, suffix in (
        (b"\x89PNG", ".png"),
        (b"\xff\xd8\xff", ".jpg"),
        (b"RIFF", ".webp"),
        (b"II*\0", ".tif"),
        (b"MM\0*", ".tif"),
        (b"BM", ".bmp"),
    ):
        if content.startswith(start):
            return suffix
    return ""


def report_hidden_file(names: Iterable[str], image: str) -> tuple[Problem, ...]:
    """The warning that readers of folders pass over files whose names begin with a dot."""
    hidden = next((name for name in names if name.startswith(".") or "/." in name), None)
    if hidden is None:
        return ()
    message = f"{hidden} is a hidden file, which readers of the format pass over"
    return (warn("hidden_file", message, image=image),)
