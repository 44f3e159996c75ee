"""Why a piece of an upload is not taken.

UploadError
├── UploadMissing     it is not there, or is not the caller's to know
├── UploadEnded       it has expired, or can never become a blob
├── UploadTooLarge    more bytes than announced, or than anybody may send
├── OffsetMoved       the piece does not begin where the bytes end
├── ChecksumMismatch  the piece is not what its sender hashed
├── BodyBrokeOff      the connection ended before the piece did
└── TooManyPieces     the pieces are tiny
"""

from store_app.errors import StoreError


class UploadError(StoreError):
    """Root of the errors of uploads."""

    code = "upload_error"
    status = 409


class UploadMissing(UploadError):
    code = "not_found"
    status = 404

    def __init__(self, upload: object) -> None:
        super().__init__(f"there is no upload {upload}", upload=str(upload))


class UploadEnded(UploadError):
    """Nothing can be added to it any more; a new one has to be begun."""

    code = "upload_ended"
    status = 410

    def __init__(self, upload: object, reason: str) -> None:
        super().__init__(f"upload {upload} has ended: {reason}", upload=str(upload), reason=reason)


class UploadTooLarge(UploadError):
    code = "too_large"
    status = 413

    def __init__(self, *, actual: int, limit: int) -> None:
        super().__init__(f"{actual} bytes, at most {limit} are taken", actual=actual, limit=limit)
        self.actual, self.limit = actual, limit


class OffsetMoved(UploadError):
    """Ask where the upload is, and go on from there."""

    code = "offset_mismatch"

    def __init__(self, *, expected: int, actual: int) -> None:
        super().__init__(
            f"the upload goes on at byte {actual}, not at {expected}",
            expected=expected,
            actual=actual,
        )
        self.expected, self.actual = expected, actual


class ChecksumMismatch(UploadError):
    """Nothing of the piece was kept."""

    code = "checksum_mismatch"
    status = 460  # as tus has it

    def __init__(self, algorithm: str) -> None:
        super().__init__(f"the piece does not have its {algorithm}", algorithm=algorithm)


class BodyBrokeOff(UploadError):
    """The sender has gone; `received` bytes of the piece arrived."""

    code = "incomplete_body"
    status = 400

    def __init__(self, *, received: int, announced: int) -> None:
        super().__init__(
            f"the body ended after {received} of {announced} bytes",
            received=received,
            announced=announced,
        )


class TooManyPieces(UploadError):
    code = "too_many_pieces"
    status = 413

    def __init__(self, limit: int) -> None:
        super().__init__(f"{limit} pieces are there: send larger ones", limit=limit)
