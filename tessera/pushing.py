"""Send what was edited, and make a version of it: what the service has is not sent again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from panoptic.blob_codecs import CodecNumber
from panoptic.packs import NewObject, seal_pack
from tessera.entries import Entry
from tessera.errors import UsageError
from tessera.http import Connection
from tessera.progress import Progress, silent
from tessera.uploading import upload_file
from tessera.working_copy.scanning import LocalChange

PACK_TYPE = "application/x-tessera-pack"
_PACK_BYTES = 8 * 2**20
_PACK_OBJECTS = 2_000
_ASKED_AT_ONCE = 5_000


class Pushed(NamedTuple):
    """What a push did: the version it made, and the objects and bytes that travelled."""

    version: Mapping[str, Any]
    objects: int
    sent_bytes: int


class _Content(NamedTuple):
    """Something to send: its bytes, or the file that holds them."""

    digest: bytes
    codec: int
    size: int
    stored: bytes | Path


def push(
    connection: Connection,
    slug: str,
    branch: str,
    expected_head: str,
    changes: Sequence[LocalChange],
    message: str,
    *,
    progress: Progress = silent,
) -> Pushed:
    """Make a version of local changes on a branch.

    Parameters
    ----------
    expected_head
        The id of the version that the changes were made against.

    Raises
    ------
    BranchMoved
        Somebody else pushed meanwhile; nothing is changed, and what was sent is not sent again.
    UsageError
        The service refuses a label or a photograph; `errors` says which and why.
    AccessError, NetworkError
    """
    if not changes:
        raise UsageError("nothing was edited", code="nothing_changed")
    contents = {content.digest: content for content in _contents(changes)}
    sent = send_missing(connection, slug, contents, progress=progress)
    body = {
        "expected_head": expected_head,
        "message": message,
        "changes": [change_json(change) for change in changes],
    }
    # The same push again, after its answer was lost, is the same version and not a second one.
    key = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
    version = connection.post(f"/datasets/{slug}/branches/{branch}/commits/", body, key=key)
    return Pushed(version, sent[0], sent[1])


def send_missing(
    connection: Connection,
    slug: str,
    contents: Mapping[bytes, _Content],
    *,
    progress: Progress = silent,
) -> tuple[int, int]:
    """Send what the dataset lacks; return how many objects and bytes travelled."""
    digests = list(contents)
    lease: str | None = None
    objects = transferred = 0
    for begin in range(0, len(digests), _ASKED_AT_ONCE):
        asked = [digest.hex() for digest in digests[begin : begin + _ASKED_AT_ONCE]]
        answer = connection.post(
            f"/datasets/{slug}/blobs/missing/", {"digests": asked, "lease": lease}, repeat=True
        )
        lease = answer["lease"]
        missing = [contents[bytes.fromhex(text)] for text in answer["missing"]]
        for group in _groups(missing):
            transferred += _send(connection, slug, group)
            objects += len(group)
            progress(objects, len(digests), transferred)
    return objects, transferred


def change_json(change: LocalChange) -> dict[str, Any]:
    """Return a change as a commit names it: only what differs."""
    if change.new is None:
        return {"name": change.name, "delete": True}
    body: dict[str, Any] = {"name": change.name}
    old = change.old or Entry(change.name, 0)
    new = change.new
    if new.image != old.image:
        body["image"] = _hex(new.image)
    if new.label != old.label:
        body["label"] = _hex(new.label)
    if new.split != old.split:
        body["split"] = new.split or None
    if new.attributes != old.attributes:
        body["attributes"] = _attributes(change)
    if new.status != old.status:
        body["status"] = new.status
    return body


def _attributes(change: LocalChange) -> Any:
    from panoptic.canonical_json import load_canonical

    return None if change.attributes is None else load_canonical(change.attributes)


def _contents(changes: Sequence[LocalChange]) -> Iterator[_Content]:
    for change in changes:
        if change.label is not None:
            label = change.label
            yield _Content(label.digest, CodecNumber.LABEL, label.canonical_size, label.stored)
        if change.photo is not None and change.new is not None and change.new.image is not None:
            size = change.photo.stat().st_size
            yield _Content(change.new.image, CodecNumber.RAW, size, change.photo)


def _groups(contents: Sequence[_Content]) -> Iterator[list[_Content]]:
    """Yield what fits into one pack; what is too large for one alone."""
    group: list[_Content] = []
    length = 0
    for content in contents:
        if content.size > _PACK_BYTES:
            yield [content]
            continue
        if group and (length + content.size > _PACK_BYTES or len(group) == _PACK_OBJECTS):
            yield group
            group, length = [], 0
        group.append(content)
        length += content.size
    if group:
        yield group


def _send(connection: Connection, slug: str, group: Sequence[_Content]) -> int:
    first = group[0]
    if first.size > _PACK_BYTES and isinstance(first.stored, Path):
        upload = upload_file(connection, slug, first.stored)
        connection.put(f"/datasets/{slug}/blobs/{first.digest.hex()}", {"upload": upload})
        return first.size
    objects = [_object(content) for content in group]
    pack = b"".join(seal_pack(objects).chunks)
    connection.send("POST", f"/datasets/{slug}/blobs/", pack, content_type=PACK_TYPE)
    return len(pack)


def _object(content: _Content) -> NewObject:
    stored = content.stored if isinstance(content.stored, bytes) else content.stored.read_bytes()
    return NewObject(
        content.digest, hashlib.sha256(stored).digest(), content.size, content.codec, stored
    )


def _hex(digest: bytes | None) -> str | None:
    return None if digest is None else digest.hex()
