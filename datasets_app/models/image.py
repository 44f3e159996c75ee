"""The images of a dataset, over all its versions."""

from __future__ import annotations

from django.db import models

from datasets_app.fields import NameField
from datasets_app.models.dataset import Dataset


class Image(models.Model):
    """The number that a name got when the dataset first saw it.

    The row outlives the image: a name that is deleted and added again keeps its number.
    Whether a version contains the image is said by that version's tree alone.
    """

    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="images")
    image_no = models.PositiveIntegerField()
    name = NameField(max_length=1024)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dataset", "image_no"], name="one_image_per_number"),
            models.UniqueConstraint(fields=["dataset", "name"], name="one_image_per_name"),
        ]

    def __str__(self) -> str:
        return self.name


class ImageIndex(models.Model):
    """Which images ever had a class, split or status: candidates for a filter.

    A row covers the 4,096 image numbers from `chunk * 4096` on; bit `n` of `bits` (least
    significant first) stands for the n-th of them. Bits are set and never cleared, so that
    the row serves every version; a reader confirms each candidate in the tree.
    """

    pk = models.CompositePrimaryKey("dataset_id", "key", "chunk")
    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=100)
    chunk = models.PositiveIntegerField()
    bits = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.key} chunk {self.chunk}"
