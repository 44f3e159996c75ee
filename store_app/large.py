"""Files of their own: photographs, and whatever else is too large for a pack."""

import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import zstandard

from panoptic.blob_codecs import ZSTD_LEVEL, CodecNumber, codec_number
from panoptic.errors import UnknownCodec
from panoptic.packs import PackEntry
from store_app import index
from store_app.durable import iter_chunks, measure
from store_app.errors import StorageFailed
from store_app.models import Pack
from store_app.storing import NewFile, store_files

_FILES_AT_ONCE = 64  # made reachable by one transaction

Source = Path | str | BinaryIO


def put_file(source: Source, codec: str = "raw") -> bytes:
    """Store one large file, such as a photograph; return the digest of its content."""
    return next(put_files([source], codec))


def put_files(sources: Iterable[Source], codec: str = "raw") -> Iterator[bytes]:
    """Store files, each as an object of its own, and yield the digests in their order.

    Files are read twice, once to know their name and once to write it, and never held
    in memory; what cannot be read twice is spooled to disk first. A digest is yielded when the
    file is durable and readable.

    Raises
    ------
    DigestMismatch
        A file changed between the two readings.
    """
    number = codec_number(codec)
    if number not in (CodecNumber.RAW, CodecNumber.ZSTD):
        raise UnknownCodec(codec)
    remaining = iter(sources)
    while some := list(islice(remaining, _FILES_AT_ONCE)):
        with ExitStack() as spools:
            files = [_measured(source, number, spools) for source in some]
            known = index.touch(file.entries[0].digest for file in files)
            new = {file.digest: file for file in files if file.entries[0].digest not in known}
            store_files(list(new.values()))
        yield from (file.entries[0].digest for file in files)


def _measured(source: Source, codec: CodecNumber, spools: ExitStack) -> NewFile:
    """Read a source once, to know its name, and say how to read again what is to be stored."""
    if isinstance(source, str | Path):
        plain = partial(_read_path, Path(source))
    else:
        file = source if source.seekable() else _spooled(source, spools)
        plain = partial(_read_file, file, file.tell())
    digest, size = measure(plain())
    if codec == CodecNumber.RAW:
        entry = PackEntry(digest, digest, 0, size, size, codec)
        return NewFile(Pack.Kind.SINGLE, digest, size, plain, (entry,))
    stored = partial(_read_file, _compressed(plain(), size, spools), 0)
    stored_digest, length = measure(stored())
    entry = PackEntry(digest, stored_digest, 0, length, size, codec)
    return NewFile(Pack.Kind.SINGLE, stored_digest, length, stored, (entry,))


def _read_path(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from iter_chunks(file)


def _read_file(file: BinaryIO, begin: int) -> Iterator[bytes]:
    file.seek(begin)
    yield from iter_chunks(file)


def _spooled(source: BinaryIO, spools: ExitStack) -> BinaryIO:
    """Copy what can be read once into a temporary file that can be read again."""
    spool = _temporary_file(spools)
    shutil.copyfileobj(source, spool)
    spool.seek(0)
    return spool


def _compressed(content: Iterable[bytes], size: int, spools: ExitStack) -> BinaryIO:
    """Compress into a temporary file, as one frame that says the size of its content."""
    spool = _temporary_file(spools)
    compressor = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compressobj(size=size)
    try:
        for chunk in content:
            spool.write(compressor.compress(chunk))
        spool.write(compressor.flush())
    except zstandard.ZstdError as error:
        # More or fewer bytes than announced.
        raise StorageFailed("a file to store", f"it changed while it was read: {error}") from error
    return spool


def _temporary_file(spools: ExitStack) -> BinaryIO:
    return spools.enter_context(tempfile.TemporaryFile())
