"""The errors of the service, and those of the store.

TesseraError
└── StoreError
    ├── ObjectMissing      no such blob, or its file is gone
    ├── ObjectErased       a blob whose bytes were destroyed on purpose
    ├── ObjectCorrupt      stored bytes are not what was stored
    ├── DigestMismatch     bytes were given under a digest that is not theirs
    ├── StorageFailed      the storage did not keep, or does not give, what it should
    ├── LeaseEnded         what was to be read may be gone
    └── NoRoots            nobody says what is alive: collecting would delete everything
"""

from collections.abc import Iterable
from typing import Any, ClassVar


class TesseraError(Exception):
    """Root of every error that a caller of the service may be told.

    `code` is stable and meant for programs, `status` is the HTTP status that fits,
    `facts` is what a program may want to know: values that JSON can express.
    """

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 400

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts

    def __reduce__(self) -> tuple[Any, ...]:
        # Leaves have constructors of their own, which the default would call with
        # the sentence; errors must cross process pools unchanged.
        return _rebuild, (type(self), self.__dict__.copy(), self.args)


def _rebuild(cls: type[TesseraError], state: dict[str, Any], args: tuple[Any, ...]) -> TesseraError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class StoreError(TesseraError):
    """Root of the errors of the store."""

    code = "store_error"
    status = 500


class ObjectMissing(StoreError):
    """A blob that is not in the index, or whose pack or object is not in the storage.

    `digests` lists all that are missing (bytes); `pack` and `offset` are None for a
    blob that the index does not know.
    """

    code = "object_missing"
    status = 404

    def __init__(
        self, digests: Iterable[bytes], *, pack: str | None = None, offset: int | None = None
    ) -> None:
        self.digests = tuple(digests)
        self.pack, self.offset = pack, offset
        first = self.digests[0].hex() if self.digests else ""
        rest = f" and {len(self.digests) - 1} more" if len(self.digests) > 1 else ""
        where = f": {pack}, offset {offset}, is not in the storage" if pack else " not in the store"
        super().__init__(
            f"object {first}{rest}{where}",
            digests=[digest.hex() for digest in self.digests],
            pack=pack,
            offset=offset,
        )


class ObjectErased(StoreError):
    """Blobs whose bytes were destroyed, which a law may ask for: only their digests stay."""

    code = "object_erased"
    status = 410

    def __init__(self, digests: Iterable[bytes]) -> None:
        self.digests = tuple(digests)
        rest = f" and {len(self.digests) - 1} more" if len(self.digests) > 1 else ""
        super().__init__(
            f"object {self.digests[0].hex()}{rest} was erased",
            digests=[digest.hex() for digest in self.digests],
        )


class ObjectCorrupt(StoreError):
    """The bytes of a blob are not those that were stored."""

    code = "object_corrupt"

    def __init__(self, digest: bytes, *, pack: str, offset: int, reason: str) -> None:
        super().__init__(
            f"object {digest.hex()} is corrupt: {reason} ({pack}, offset {offset})",
            digest=digest.hex(),
            pack=pack,
            offset=offset,
            reason=reason,
        )
        self.digest, self.pack, self.offset, self.reason = digest, pack, offset, reason


class DigestMismatch(StoreError):
    """Bytes were given under a digest that is not theirs, or changed while they were read."""

    code = "digest_mismatch"
    status = 422

    def __init__(self, *, expected: bytes, actual: bytes) -> None:
        super().__init__(
            f"the content has digest {actual.hex()}, not {expected.hex()}",
            expected=expected.hex(),
            actual=actual.hex(),
        )
        self.expected, self.actual = expected, actual


class StorageFailed(StoreError):
    """The storage refuses, or did not keep what it was given."""

    code = "storage_failed"
    status = 503

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}", name=name, reason=reason)
        self.name, self.reason = name, reason


class LeaseEnded(StoreError):
    """A lease is over: what its holder was about to read may be gone."""

    code = "lease_ended"
    status = 410

    def __init__(self, lease: object) -> None:
        super().__init__(f"lease {lease} has ended", lease=str(lease))


class NoRoots(StoreError):
    """No app has registered what it holds, so everything would look like garbage."""

    code = "no_roots"

    def __init__(self) -> None:
        super().__init__("no roots are registered: refusing to collect the whole store")
