"""What docs/formats promises: the recipe that others follow must work as it is printed."""

import re
from pathlib import Path

import pytest

from datasets_app.image_lists import list_images
from datasets_app.manifest import manifest_sha256
from tests.datasets_app.builders import commit_to, dataset, names, put_bytes, put_label

DOCS = Path(__file__).resolve().parent.parent.parent / "docs" / "formats"


@pytest.mark.django_db
def test_the_printed_recipe_recomputes_the_manifest():
    (recipe,) = re.findall(r"```python\n(.*?)```", (DOCS / "manifest.md").read_text(), re.DOTALL)
    scope = {}
    exec(recipe, scope)
    streets = dataset()
    commit_to(streets, names("ä", "b", "\U0001f600", "\uffee", label=put_label("1", {1: 1})))
    version = commit_to(streets, names("b", image=put_bytes("photo"), split="val"))
    rows = [
        (
            row.name,
            row.entry.image.hex() if row.entry.image else "-",
            row.entry.label.hex() if row.entry.label else "-",
            row.entry.split,
            str(row.entry.status),
            "-",
        )
        for row in list_images(version, limit=10).rows
    ]
    taxonomy = version.taxonomy_version.digest.hex()
    assert scope["manifest_sha256"](taxonomy, rows) == manifest_sha256(version).hex()
