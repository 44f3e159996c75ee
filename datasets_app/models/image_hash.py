"""What photographs look like, in a few bytes: a cache, filled when somebody looks for leaks."""

from __future__ import annotations

from django.db import models

from store_app.fields import DigestField


class HashState(models.TextChoices):
    """What became of hashing a photograph."""

    HASHED = "hashed"
    FLAT = "flat"  # of one colour: it looks like every other such picture
    UNREADABLE = "unreadable"


class ImageHash(models.Model):
    """The perceptual hash of a photograph, by the digest of its bytes.

    `bits` are those of `panoptic.perceptual.PictureHash`, empty where there is none;
    `algorithm` says by which version of it, and rows of another one are made anew. All of it
    can be deleted and is computed again. Every dataset that holds the photograph shares it.
    """

    digest = DigestField(primary_key=True)
    algorithm = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=10, choices=HashState)
    bits = models.BinaryField(max_length=24)

    def __str__(self) -> str:
        return f"{self.state} {bytes(self.digest).hex()[:12]}"
