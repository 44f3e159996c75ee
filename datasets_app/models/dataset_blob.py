"""Which bytes a dataset may name."""

from __future__ import annotations

from django.db import models

from datasets_app.models.dataset import Dataset
from store_app.fields import DigestField


class DatasetBlob(models.Model):
    """This dataset was given these bytes.

    A digest is no download token: a commit through the API may only name digests that the
    dataset holds, so that nobody can pull what they never had (DESIGN section 5).
    """

    pk = models.CompositePrimaryKey("dataset_id", "digest")
    dataset = models.ForeignKey(Dataset, models.CASCADE, related_name="+", db_index=False)
    digest = DigestField()

    def __str__(self) -> str:
        return bytes(self.digest).hex()[:12]
