"""Large files, sent piece by piece by the protocol tus 1.0.0, over broken connections, too."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import httpx

from tessera.errors import NetworkError
from tessera.http import API, Connection

_PIECE_BYTES = 8 * 2**20
_TUS = {"Tus-Resumable": "1.0.0"}


def upload_file(connection: Connection, slug: str, path: Path) -> str:
    """Send a file and return the id of the upload, complete."""
    size = path.stat().st_size
    name = b64encode(path.name.encode()).decode()
    headers = {**_TUS, "Upload-Length": str(size), "Upload-Metadata": f"filename {name}"}
    answer = connection.ask("POST", f"/datasets/{slug}/uploads/", headers=headers)
    upload = httpx.URL(answer.headers["Location"]).path.rstrip("/").rsplit("/", 1)[-1]
    address = f"{API}/datasets/{slug}/uploads/{upload}/"
    with path.open("rb") as file:
        begin = 0
        while begin < size:
            file.seek(begin)
            piece = file.read(_PIECE_BYTES)
            begin = _send_piece(connection, address, begin, piece)
    return upload


def _send_piece(connection: Connection, address: str, begin: int, piece: bytes) -> int:
    """Send what follows the bytes that the service has; return how many it has then."""
    headers = {
        **_TUS,
        "Upload-Offset": str(begin),
        "Content-Type": "application/offset+octet-stream",
    }
    try:
        answer = connection.ask("PATCH", address, headers=headers, content=piece)
    except NetworkError:
        # Some of it may have arrived, or all of it with the answer lost.
        answer = connection.repeat(lambda: connection.ask("HEAD", address, headers=_TUS))
    return int(answer.headers["Upload-Offset"])
