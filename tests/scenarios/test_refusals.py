"""Files that mean harm are refused before they take memory: measured in a process of its own."""

import gzip
import json
import shutil
import stat
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from datasets_app.actions.transfers import request_import
from datasets_app.jobs.running import run_job
from datasets_app.models import Version
from tests.datasets_app.builders import author, dataset

LABELS = (
    b'{"images": [{"id": 1, "file_name": "a.png", "height": 4, "width": 4}], "annotations": [],'
    b' "categories": [{"id": 1, "name": "1"}]}'
)
ROOT = Path(__file__).resolve().parent.parent.parent
PEAK_BYTES = 24 * 2**20
HUGE = 2**31


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, rows: bytes = b"", *, kind: int = 2, more: bytes = b"") -> bytes:
    """A PNG whose header claims a size, whatever rows it has."""
    head = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    body = chunk(b"IHDR", head) + more + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def jpeg(width: int, height: int) -> bytes:
    frame = struct.pack(">HBHHB", 17, 8, height, width, 3) + b"\1\x22\0\2\x11\1\3\x11\1"
    return b"\xff\xd8\xff\xc0" + frame + b"\xff\xd9"


def tiff(*fields: tuple[int, int, int, int]) -> bytes:
    """A TIFF with these fields: tag, type, count, value."""
    entries = b"".join(struct.pack("<HHII", *field) for field in fields)
    return b"II*\0" + struct.pack("<IH", 8, len(fields)) + entries + bytes(4)


def huge_tiff() -> bytes:
    return tiff((256, 4, 1, HUGE), (257, 4, 1, HUGE), (258, 3, 1, 8), (259, 3, 1, 1),
                (262, 3, 1, 1), (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, HUGE),
                (279, 4, 1, 4))  # fmt: skip


def webp_extended(width: int, height: int) -> bytes:
    body = struct.pack("<I", 0) + (width - 1).to_bytes(3, "little")
    body += (height - 1).to_bytes(3, "little")
    return riff(b"VP8X", body)


def webp_lossless(width: int, height: int) -> bytes:
    return riff(b"VP8L", b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14) + bytes(8))


def riff(kind: bytes, body: bytes) -> bytes:
    inside = b"WEBP" + kind + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", len(inside)) + inside


def bmp(width: int, height: int) -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, 0, 1, 1, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + head


def zip_of(path: Path, members: dict[str, bytes], **attributes: int) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            for attribute, value in attributes.items():
                setattr(info, attribute, value)
            archive.writestr(info, content)


def tar_of(path: Path, content: bytes, **attributes: Any) -> None:
    """A tar by gzip with one member, whose header may say anything."""
    info = tarfile.TarInfo("member")
    info.size = len(content)
    for attribute, value in attributes.items():
        setattr(info, attribute, value)
    header = info.tobuf(tarfile.GNU_FORMAT)
    path.write_bytes(gzip.compress(header + content + bytes(1024 - len(content) % 512), 9))


def claiming(path: Path, size: int) -> None:
    """Let the only member of a zip claim another size, in its directory."""
    data = path.read_bytes()
    place = data.rindex(b"PK\1\2") + 24
    path.write_bytes(data[:place] + struct.pack("<I", size) + data[place + 4 :])


def directory_of(path: Path, entry: bytes, count: int) -> None:
    """A zip that is all directory; the record at its end says that it has one member."""
    with path.open("wb") as file:
        for _ in range(count // 1_000):
            file.write(entry * 1_000)
        size = len(entry) * count
        file.write(struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, size, 0, 0))


def write_archives(folder: Path) -> None:
    zip_of(folder / "archive of a bomb", {"zeros": bytes(100 * 2**20)})
    zip_of(folder / "archive that lies of its size", {"zeros": bytes(50 * 2**20)})
    claiming(folder / "archive that lies of its size", 1_000)
    zip_of(folder / "archive of 4 GB in a kilobyte", {"zeros": bytes(1_000)})
    claiming(folder / "archive of 4 GB in a kilobyte", 2**32 - 2)
    bomb = folder / "archive of a bomb"
    zip_of(folder / "archive of a bomb in an archive", {"b.zip": bomb.read_bytes()})
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", *bytes(4), *[0] * 4, 0, *[0] * 2, 1, *[0] * 6)
    directory_of(folder / "archive of a million members", entry + b"x", 1_000_000)
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", *bytes(4), *[0] * 4, 0, 0, 0, 1, 0, 60_000,
                        *[0] * 4)  # fmt: skip
    directory_of(folder / "archive with long comments", entry + b"x" + bytes(60_000), 3_000)
    for name in ("../x", "/etc/x", "a/../../x", "a\\..\\x", "C:x", "n" * 300, "d/" * 600 + "x"):
        zip_of(folder / f"archive to {name[:9].replace('/', '|')}", {"fine": b"", name: b"bad"})
    zip_of(folder / "archive of two cases", {"a.png": b"", "A.png": b""})
    zip_of(folder / "archive of a link", {"x": b"/etc/x"}, external_attr=stat.S_IFLNK << 16)
    zip_of(folder / "archive of a device", {"x": b""}, external_attr=stat.S_IFCHR << 16)
    with zipfile.ZipFile(folder / "archive by LZMA", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("x", b"content")
    tar_of(folder / "archive of a tar bomb", bytes(100 * 2**20))
    end = gzip.compress(bytes(100 * 2**20), 9)
    (folder / "archive of a tar bomb behind its end").write_bytes(end)
    for kind in (tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.REGTYPE):
        tar_of(folder / f"archive of a tar that lies of {kind!r}", b"", size=HUGE, type=kind)
    for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.GNUTYPE_SPARSE):
        tar_of(folder / f"archive of a tar with {kind!r}", b"", type=kind, linkname="/etc/x")
    for name in ("../x", "/etc/x", "a\\..\\x", "C:x"):
        tar_of(folder / f"archive of a tar to {name.replace('/', '|')}", b"bad", name=name)
    whole = (folder / "archive of a tar bomb").read_bytes()
    (folder / "archive of a tar cut off").write_bytes(whole[:-30])
    (folder / "archive that is none").write_bytes(b"\x1f\x8b" + bytes(1_000))
    whole = (folder / "archive of two cases").read_bytes()
    (folder / "archive cut off").write_bytes(whole[:-30])


def write_photographs(folder: Path) -> None:
    text = chunk(b"zTXt", b"c\0\0" + zlib.compress(bytes(64 * 2**20)))
    photographs = {
        "PNG": png(HUGE - 1, HUGE - 1),
        "PNG beyond the form": png(HUGE, HUGE),
        "PNG with a bomb of text": png(4, 4, bytes(52), more=text),
        "PNG with a chunk of 2 GB": png(4, 4)[:33] + struct.pack(">I4s", HUGE - 1, b"iCCP"),
        "JPEG": jpeg(65_535, 65_535),
        "TIFF": huge_tiff(),
        "TIFF with a field of 4 billion": tiff((256, 4, 2**32 - 1, 8), (257, 4, 2**30, 8)),
        "WebP": webp_extended(2**24, 2**24),
        "WebP without loss": webp_lossless(16_384, 16_384),
        "BMP": bmp(HUGE - 1, HUGE - 1),
        "SVG": b"<svg xmlns='http://www.w3.org/2000/svg' width='1' height='1'/>",
        "GIF": b"GIF89a\1\0\1\0\0\0\0;",
        "nothing": b"",
    }
    for kind, data in photographs.items():
        (folder / f"photo {kind}").write_bytes(data)
    for kind in ("PNG", "JPEG", "TIFF", "WebP", "BMP"):
        (folder / f"photo {kind} cut off").write_bytes(photographs[kind][:20])


def write_labels(folder: Path) -> None:
    labels = {
        "huge": png(HUGE - 1, HUGE - 1),
        "beyond the form": png(HUGE, HUGE),
        # As many pixels as may be, in a few bytes.
        "without rows": png(11_585, 11_585),
        "with one row": png(11_585, 11_585, bytes(11_585 * 3 + 1)),
        "with a bomb behind its rows": png(4, 4, bytes(64 * 2**20), kind=0),
        "cut off": png(40, 40, bytes(40 * 121))[:-20],
        "a JPEG": jpeg(8, 8),
    }
    for kind, data in labels.items():
        (folder / f"label {kind}").write_bytes(data)


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[str, int]]]:
    """What became of each file, and what memory it took at most."""
    folder = tmp_path_factory.mktemp("refused")
    write_archives(folder)
    write_photographs(folder)
    write_labels(folder)
    done = subprocess.run(
        [sys.executable, "-m", "tests.scenarios.refusing", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    yield {name: (code, peak) for name, (code, peak) in json.loads(done.stdout).items()}
    shutil.rmtree(folder)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("members", "code", "says"),
    [
        ({"word/document.xml": b"<w/>", "[Content_Types].xml": b"<t/>"}, "malformed_file", ""),
        ({"a.json": b"{}", "b.json": b"{}"}, "ambiguous_format", "say which"),
        ({"labels.json": b'{"images": 3}'}, "malformed_file", "images"),
        ({"labels.json": LABELS, "photos/a.png": png(HUGE - 1, HUGE - 1)}, "import_refused",
         "pixels"),
        ({"labels.json": LABELS, "photos/a.png": b"%PDF-1.7"}, "import_refused", "no PNG"),
    ],
)  # fmt: skip
def test_an_import_of_the_wrong_kind_fails_by_a_code(tmp_path: Path, members, code, says):
    streets = dataset(drawing="1:person")
    zip_of(tmp_path / "x.zip", {"photos/b.png": png(1, 1), **members})
    fields = {"format": "coco_instances", "images": "photos"}
    with (tmp_path / "x.zip").open("rb") as archive:
        job = request_import(streets, archive, fields, actor=author())
    run_job(str(job.pk))
    job.refresh_from_db()
    assert (job.state, job.problem["code"]) == ("failed", code), job.problem
    assert says in job.problem["detail"]
    assert not Version.objects.exists()


TAKEN = {"archive of a bomb in an archive"}  # as the file that it is


def test_every_file_is_refused_by_its_code(refused):
    codes = {name: code for name, (code, _) in refused.items() if name not in TAKEN}
    expected = {
        name: code for name, code in codes.items() if code in ("malformed_file", "too_large")
    }
    assert codes == expected
    assert {name: refused[name][0] for name in TAKEN} == dict.fromkeys(TAKEN, "taken")
    assert len(codes) > 35


@pytest.mark.parametrize(
    "name", ["photo PNG", "photo JPEG", "photo TIFF", "photo WebP", "photo WebP without loss",
             "label huge"]
)  # fmt: skip
def test_too_many_pixels_are_said_to_be_too_many(refused, name):
    assert refused[name][0] == "too_large"


def test_no_file_takes_memory(refused):
    peaks = {name: peak for name, (_, peak) in refused.items() if peak > PEAK_BYTES}
    assert peaks == {}
