"""A model field for digests."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

DIGEST_BYTES = 32  # sha256


class DigestField(models.BinaryField):
    """A sha256: 32 raw bytes in the database, `bytes` in Python, hex at the edges.

    Drivers answer with memoryviews of different kinds; this field always answers
    with `bytes`, which compare and hash alike on both databases.
    """

    description = "sha256 digest"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("editable", False)
        super().__init__(*args, **kwargs)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> bytes | None:
        return None if value is None else bytes(value)

    def to_python(self, value: Any) -> bytes | None:
        """Accept bytes or 64 hex digits."""
        if value is None:
            return None
        try:
            digest = bytes.fromhex(value) if isinstance(value, str) else bytes(value)
        except (TypeError, ValueError) as error:
            raise ValidationError("not a sha256 digest", code="invalid") from error
        if len(digest) != DIGEST_BYTES:
            raise ValidationError(
                f"a digest has {DIGEST_BYTES} bytes, not {len(digest)}", code="invalid"
            )
        return digest

    def get_prep_value(self, value: Any) -> bytes | None:
        # A digest of the wrong length would be stored by both databases without a word.
        value = super().get_prep_value(value)
        if value is None:
            return None
        if isinstance(value, str) or len(value) != DIGEST_BYTES:
            raise ValueError(f"a digest is {DIGEST_BYTES} bytes, got {value!r}")
        return bytes(value)

    def value_to_string(self, obj: models.Model) -> str:
        """Write hex into fixtures, which `to_python` reads back."""
        value = self.value_from_object(obj)
        return "" if value is None else value.hex()
