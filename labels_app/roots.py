"""What taxonomies keep alive in the store: the example pictures of their guidelines."""

from __future__ import annotations

from collections.abc import Iterator

from labels_app.models import TaxonomyPicture
from store_app.roots import Reference, register_roots


def register() -> None:
    """Tell the store what is in use."""
    register_roots("taxonomies", iter_references)


def iter_references() -> Iterator[Reference]:
    """Yield every example picture: versions that show one are never gone."""
    pictures = TaxonomyPicture.objects.select_related("taxonomy").order_by("pk")
    for picture in pictures.iterator():
        yield Reference(bytes(picture.digest), f"taxonomy {picture.taxonomy.slug}", "picture")
