"""What is known about a photograph without opening it."""

from __future__ import annotations

from django.db import models

from store_app.fields import DigestField


class Photo(models.Model):
    """The header of a photograph, read once, where its bytes came in.

    `height` and `width` are those of the upright picture; the raw ones differ where EXIF
    says that the camera was turned (RULES 1.7).
    """

    digest = DigestField(primary_key=True)
    media_type = models.CharField(max_length=40)
    height = models.PositiveIntegerField()
    width = models.PositiveIntegerField()
    raw_height = models.PositiveIntegerField()
    raw_width = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.width}×{self.height} {self.media_type}"
