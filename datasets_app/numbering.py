"""The numbers of image names: given once, in the order of first sight (RULES 6.1)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from datasets_app.bulk import insert_rows, select_in
from datasets_app.errors import DatasetFull
from datasets_app.models import Dataset, Image
from datasets_app.tree import CAPACITY


def find_numbers(dataset_id: int, names: Sequence[str]) -> dict[str, int]:
    """Return the numbers of those names that the dataset has seen."""
    return dict(
        select_in(
            Image,
            ("name", "image_no"),
            "name",
            names,
            where="dataset_id = %s",
            parameters=[dataset_id],
        )
    )


def number_images(dataset: Dataset, names: Sequence[str]) -> dict[str, int]:
    """Return the numbers of all names; new ones get the next numbers, in their order.

    The caller holds the lock of the dataset's row, and `dataset` was read under it.
    """
    numbers = find_numbers(dataset.pk, names)
    fresh = [name for name in names if name not in numbers]
    if not fresh:
        return numbers
    first = dataset.next_image_no
    if first + len(fresh) > CAPACITY:
        raise DatasetFull(dataset.slug, CAPACITY - 1)
    given = dict(zip(fresh, range(first, first + len(fresh)), strict=True))
    insert_rows(
        Image,
        ("dataset_id", "image_no", "name"),
        [(dataset.pk, image_no, name) for name, image_no in given.items()],
    )
    dataset.next_image_no = first + len(fresh)
    dataset.save(update_fields=["next_image_no"])
    return numbers | given


def names_of(dataset_id: int, numbers: Collection[int]) -> dict[int, str]:
    """Return the names of image numbers; one query per 5,000."""
    return dict(
        select_in(
            Image,
            ("image_no", "name"),
            "image_no",
            numbers,
            where="dataset_id = %s",
            parameters=[dataset_id],
        )
    )
