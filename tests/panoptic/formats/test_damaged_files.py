"""Whatever happens to an export, reading it ends in images or in problems that say where."""

from __future__ import annotations

import io
import random
import re
import shutil
import struct
import tracemalloc
import unicodedata
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from PIL import Image

from panoptic.errors import PanopticError
from panoptic.formats.base import ExportClass, Format
from panoptic.formats.problems import Problem, has_errors
from panoptic.formats.registry import FORMATS
from panoptic.label_bytes import canonical_bytes
from tests.panoptic.formats.test_ade20k import CAR, DOOR, Scene, entry, line
from tests.panoptic.formats.worlds import (
    CLASSES,
    World,
    export_world,
    has_photos,
    import_world,
    name_of,
    target_name,
)

READ = [form for form in FORMATS.values() if form.is_read]
QUICK, LONG = 40, 300

Damage = Callable[[random.Random, Path], None]

STRANGE = [
    b"-1",
    b"0",
    b"255",
    b"256",
    b"65536",
    b"16777216",
    b"1" + b"0" * 400,
    b"1" + b"0" * 5000,
    b"1e999",
    b"-1e400",
    b"NaN",
    b"Infinity",
    b"null",
    b"true",
    b'""',
    b"[]",
    b"{}",
    b'"../../../etc/passwd"',
    b'"/etc/passwd"',
    b'"a\\u0000b"',
    b'"\\ud800"',
    b"../../up.png",
    b"\xff\xfe\x00",
    b"\x00",
    b"\xc3",
    b"<",
    b"&nothing;",
    b"",
]
JUNK = [
    b"",
    b"\0" * 100,
    b"\xff\xfejunk",
    b"null",
    b"[]",
    b"{}",
    b"[{}]",
    b'{"images": 3, "annotations": {}, "categories": null, "labels": {}, "imgHeight": -1}',
    b"[" * 10_000,
    b'{"a":' * 10_000,
    b"[" * 10_000 + b"]" * 10_000,
    b"<a>" * 10_000,
    b"<annotations>" + b"<a>" * 10_000 + b"</a>" * 10_000 + b"</annotations>",
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "' + b"c" * 1000 + b'">]><annotations>&b;'
    b"</annotations>",
    b"1,2,3\n" * 100,
    b"9" * 100_000,
    b"../a.png\n/b.png\n",
]
_TOKEN = re.compile(rb'"[^"\n]*"|-?[0-9][0-9.]*|[^\s",;<>=]+')


def truncate(rng: random.Random, file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: rng.randrange(len(content) + 1)])


def flip(rng: random.Random, file: Path) -> None:
    content = bytearray(file.read_bytes())
    for _ in range(rng.choice([1, 1, 3, 20])):
        if content:
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    file.write_bytes(content)


def delete(rng: random.Random, file: Path) -> None:
    file.unlink()


def empty(rng: random.Random, file: Path) -> None:
    file.write_bytes(b"")


def become_folder(rng: random.Random, file: Path) -> None:
    file.unlink()
    file.mkdir()


def junk(rng: random.Random, file: Path) -> None:
    file.write_bytes(rng.choice(JUNK))


def strange_value(rng: random.Random, file: Path) -> None:
    """A word, number or text of a text file becomes another; of a picture, some of its bytes."""
    content = file.read_bytes()
    tokens = list(_TOKEN.finditer(content))
    if tokens:
        token = rng.choice(tokens)
        content = content[: token.start()] + rng.choice(STRANGE) + content[token.end() :]
    file.write_bytes(content)


def drop_line(rng: random.Random, file: Path) -> None:
    lines = file.read_bytes().splitlines(keepends=True)
    if lines:
        del lines[rng.randrange(len(lines))]
    file.write_bytes(b"".join(lines))


def double_line(rng: random.Random, file: Path) -> None:
    lines = file.read_bytes().splitlines(keepends=True)
    if lines:
        number = rng.randrange(len(lines))
        lines.insert(number, lines[number])
    file.write_bytes(b"".join(lines))


def other_picture(rng: random.Random, file: Path) -> None:
    """A picture of another mode, size or depth; its values may be of no class at all."""
    mode = rng.choice(["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
    size = rng.choice([(7, 4), (4, 3), (1, 1), (3, 7), (300, 200)])
    fill = rng.choice([0, 1, 2, 15, 200, 255])
    bands = len(Image.new(mode, (1, 1)).getbands())
    image = Image.new(mode, size, fill if bands == 1 else (fill,) * bands)
    if mode == "P":
        image.putpalette([rng.randrange(256) for _ in range(rng.choice([3, 48, 768]))])
    saved = io.BytesIO()
    image.save(saved, rng.choice(["PNG", "PNG", "PNG", "TIFF"]))
    file.write_bytes(saved.getvalue())


ALONE: list[Damage] = [
    truncate,
    flip,
    delete,
    empty,
    become_folder,
    junk,
    strange_value,
    strange_value,
    strange_value,
    drop_line,
    double_line,
    other_picture,
    other_picture,
]


def damage(rng: random.Random, root: Path) -> str:
    """Do something to a file or two; returns what."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    # There are more pictures than tables: both get their share.
    suffix = rng.choice(sorted({path.suffix for path in files}))
    file = rng.choice([path for path in files if path.suffix == suffix])
    name = file.relative_to(root).as_posix()
    action = rng.randrange(10)
    if action == 0:
        other = rng.choice(files)
        first, second = file.read_bytes(), other.read_bytes()
        file.write_bytes(second)
        other.write_bytes(first)
        return f"{name} and {other.relative_to(root)} swapped"
    if action == 1:
        new = file.with_name(rng.choice(["x", ".x.png", "x.png", "x" + file.suffix, "x.y..png"]))
        file.replace(new)
        return f"{name} is now {new.name}"
    if action == 2:
        shutil.copy(file, file.with_name("again " + file.name))
        return f"{name} is there twice"
    act = rng.choice(ALONE)
    act(rng, file)
    return f"{act.__name__} {name}"


def check(world: World, root: Path) -> None:
    """What holds of every reading: labels can be stored, problems say where and why."""
    for problem in world.problems:
        assert re.fullmatch("[a-z_0-9]+", problem.code), problem
        assert problem.message, problem
        assert problem.file or problem.image, problem
        assert not _hides_where(problem, root), problem
    for image in world.images.values():
        assert image.name == unicodedata.normalize("NFC", image.name)
        assert ".." not in image.name.split("/")
        assert not image.name.startswith("/")
        assert image.photo is None or image.photo.resolve().is_relative_to(root.resolve())
        assert not (image.label is not None and has_errors(image.problems))
        if image.label is not None:
            assert image.label.shape == (image.height, image.width)
            canonical_bytes(image.label)


def _hides_where(problem: Problem, root: Path) -> bool:
    """Whether a person reads where the server keeps the files instead of their names."""
    return str(root) in problem.file or str(root) in problem.image


def read_damaged(
    form: Format, root: Path, path: Path, values: Mapping[str, str] | None = None
) -> World | None:
    """Everything of it; None where it is refused as a whole."""
    try:
        world = import_world(form, path, classes=(*CLASSES, *ADE_CLASSES), values=values)
    except PanopticError:
        return None
    check(world, root)
    return world


def any_values(rng: random.Random, form: Format) -> dict[str, str]:
    """Other ways to read the same files."""
    return {one.name: rng.choice(one.choices) for one in form.read_options if one.choices}


class Files(NamedTuple):
    """Whole files of a format: the folder of all of them, and what is opened in it."""

    root: Path
    inner: str


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Files]:
    """The world in each format, with photographs where it keeps them; of what is only read, a
    little."""
    root = tmp_path_factory.mktemp("files")
    made = {}
    for form in READ:
        folder, inner = root / form.name, target_name(form)
        if form.is_written:
            values = {"photos": "yes"} if has_photos(form) else {}
            export_world(form, folder / inner, **values)
        else:
            BY_HAND[form.name](folder / inner)
        made[form.name] = Files(folder, inner)
    return made


def draw_cityscapes_panoptic(folder: Path) -> None:
    export_world(FORMATS["cityscapes"], folder / "all")
    for path in (folder / "all" / "gtFine").glob("cityscapes_panoptic_*"):
        path.replace(folder / path.name)
    shutil.rmtree(folder / "all")


def draw_bdd100k_semantic(folder: Path) -> None:
    for name, drawing in {"train/a": (0, 255, 13, 11), "val/b": (255, 0)}.items():
        path = folder / "labels/sem_seg/masks" / f"{name}.png"
        path.parent.mkdir(parents=True)
        Image.frombytes("L", (len(drawing), 1), bytes(drawing)).save(path)


def draw_ade20k(folder: Path) -> None:
    codes = {"c": (CAR, 40), "d": (DOOR, 80)}
    new = Scene(folder, "training/street/a").picture("cc. cc. ...", codes).photo(3, 3)
    new.picture("d.. ... ...", codes, "parts_1")
    door = entry(2, DOOR, level=1, instance_mask=None)
    new.objects(new.mask(1, "##. ##o ..."), door)
    old = Scene(folder, "validation/street/b").picture("cc. cc. ...", codes)
    old.lines(line(1, CAR))


BY_HAND: Mapping[str, Callable[[Path], None]] = {
    "ade20k": draw_ade20k,
    "bdd100k_semantic": draw_bdd100k_semantic,
    "cityscapes_panoptic": draw_cityscapes_panoptic,
}
ADE_CLASSES = tuple(
    ExportClass(100 + place, str(index), "thing", (place, 9, 9), {"ade20k_full": index})
    for place, index in enumerate((CAR, DOOR))
)


@pytest.mark.parametrize("form", READ, ids=name_of)
def test_the_whole_files_are_read_without_a_fault(form: Format, files: dict[str, Files]) -> None:
    """Else nobody would see what damage does to them."""
    given = files[form.name]
    world = read_damaged(form, given.root, given.root / given.inner)
    assert world is not None
    faults = [one.code for one in world.problems if one.severity == "error"]
    assert faults == ([] if form.has_classes else ["missing_size"])
    assert any(image.label is not None for image in world.images.values())


@pytest.mark.parametrize("form", READ, ids=name_of)
@pytest.mark.parametrize("times", [QUICK, pytest.param(LONG, marks=pytest.mark.long)])
def test_a_damaged_export_ends_in_images_or_in_problems(
    form: Format, times: int, files: dict[str, Files], tmp_path: Path
) -> None:
    for seed in range(times):
        rng = random.Random(f"{form.name} {seed} {times}")
        root = tmp_path / str(seed)
        shutil.copytree(files[form.name].root, root)
        done = damage(rng, root)
        try:
            read_damaged(form, root, root / files[form.name].inner, any_values(rng, form))
        except Exception as error:
            error.add_note(f"after: {done} (seed {seed} of {times})")
            raise
        shutil.rmtree(root)


def tables(root: Path) -> list[Path]:
    """The files that are no pictures, of many of one kind the first."""
    found: dict[tuple[int, str], Path] = {}
    for file in sorted(path for path in root.rglob("*") if path.is_file()):
        if file.suffix not in (".png", ".jpg"):
            found.setdefault((len(file.parts), file.suffix), file)
    return list(found.values())


@pytest.mark.parametrize("form", READ, ids=name_of)
def test_a_table_of_junk_or_none_ends_in_problems(
    form: Format, files: dict[str, Files], tmp_path: Path
) -> None:
    root = tmp_path / "root"
    shutil.copytree(files[form.name].root, root)
    for table in tables(root):
        whole = table.read_bytes()
        for number, content in enumerate(JUNK):
            table.write_bytes(content)
            try:
                read_damaged(form, root, root / files[form.name].inner)
            except Exception as error:
                error.add_note(f"{table.name} is junk {number}")
                raise
        table.unlink()
        for option in form.read_options:
            for choice in option.choices:
                values = {option.name: choice}
                read_damaged(form, root, root / files[form.name].inner, values)
        table.write_bytes(whole)


@pytest.mark.parametrize("form", READ, ids=name_of)
def test_a_huge_table_is_refused_before_it_is_read(
    form: Format, files: dict[str, Files], tmp_path: Path
) -> None:
    root = tmp_path / "root"
    shutil.copytree(files[form.name].root, root)
    for table in tables(root):
        whole = table.read_bytes()
        with table.open("r+b") as file:
            file.truncate(2**31)  # takes no room on the disk
        assert peak_of(form, root, files[form.name].inner) < MOST_BYTES, table
        table.write_bytes(whole)


def peak_of(form: Format, root: Path, inner: str) -> int:
    """How many bytes reading takes at most."""
    tracemalloc.start()
    try:
        read_damaged(form, root, root / inner)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def bomb(color_type: int, depth: int, side: int = 100_000) -> bytes:
    """A PNG that claims 100,000 × 100,000 pixels in a few bytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", zlib.crc32(kind + content))
        )

    header = struct.pack(">IIBBBBB", side, side, depth, color_type, 0, 0, 0)
    palette = chunk(b"PLTE", bytes(3 * 2 ** min(depth, 8))) if color_type == 3 else b""
    data = zlib.compress(bytes(10_000_000), 9)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + palette
        + chunk(b"IDAT", data)
        + chunk(b"IEND", b"")
    )


BOMBS = [bomb(*kind) for kind in ((0, 1), (0, 8), (0, 16), (2, 8), (3, 8), (6, 8))]
MOST_BYTES = 64 * 2**20


@pytest.mark.parametrize("form", READ, ids=name_of)
def test_a_picture_that_claims_to_be_huge_is_refused_before_it_is_unpacked(
    form: Format, files: dict[str, Files], tmp_path: Path
) -> None:
    for number, content in enumerate(BOMBS):
        root = tmp_path / str(number)
        shutil.copytree(files[form.name].root, root)
        for file in (file for file in root.rglob("*.png") if file.is_file()):
            file.write_bytes(content)
        most = peak_of(form, root, files[form.name].inner)
        assert most < MOST_BYTES, f"{most:,} bytes"
