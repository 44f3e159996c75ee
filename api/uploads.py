"""Bodies that are files: raw bytes, or one part of a form; nothing too large is taken in."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import UploadedFile
from rest_framework.parsers import BaseParser, MultiPartParser

# What a form takes beside the file in it.
_FORM_BYTES = 2**20


class FormParser(MultiPartParser):
    """A form whose body is refused unread where it is larger than a file may be."""

    largest_file_bytes: int

    def parse(
        self,
        stream: BinaryIO,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return fields and files."""
        meta = (parser_context or {})["request"].META
        length = str(meta.get("CONTENT_LENGTH") or "0")
        if (
            not length.isdecimal()
            or len(length) > 18
            or int(length) > self.largest_file_bytes + _FORM_BYTES
        ):
            raise RequestDataTooBig(f"a file has at most {self.largest_file_bytes} bytes")
        return super().parse(stream, media_type, parser_context)


class BytesParser(BaseParser):
    """A body that is the file; `request.data` is `{"file": bytes}`."""

    largest_file_bytes: int

    def parse(
        self,
        stream: BinaryIO,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the bytes."""
        content = stream.read(self.largest_file_bytes + 1)
        if len(content) > self.largest_file_bytes:
            raise RequestDataTooBig(f"a file has at most {self.largest_file_bytes} bytes")
        return {"file": content}


def form_parser(largest_file_bytes: int) -> type[FormParser]:
    """Return the parser of forms with files of up to this size."""
    return type("FormParser", (FormParser,), {"largest_file_bytes": largest_file_bytes})


def bytes_parsers(largest_file_bytes: int, *media_types: str) -> list[type[BytesParser]]:
    """Return the parsers of bodies that are files of these types."""
    return [
        type(
            "BytesParser",
            (BytesParser,),
            {"media_type": media_type, "largest_file_bytes": largest_file_bytes},
        )
        for media_type in media_types
    ]


@contextmanager
def kept_upload(upload: UploadedFile) -> Iterator[Path]:
    """Give an uploaded file a path while the block runs; its name says nothing of the server."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "upload.json"
        with path.open("wb") as file:
            shutil.copyfileobj(upload, file)
        yield path
