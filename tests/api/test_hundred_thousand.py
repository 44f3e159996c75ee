"""100,000 images: a page of a list, of a rare class and of a comparison costs what it shows."""

import pytest
from rest_framework.test import APIClient

from datasets_app.actions.comparisons import compute_pixel_comparison
from datasets_app.staging import ImageChange
from tests.api.builders import CAR, ROAD, STREETS, build_world, person
from tests.datasets_app.builders import commit_to, put_label
from tests.datasets_app.counting import count_rows

IMAGES = 100_000
LIMIT = 50


@pytest.mark.slow
@pytest.mark.django_db
def test_pages_of_100_000_images_read_at_most_20_rows_per_row_shown():
    world = build_world()
    plain, rare = put_label("11", {1: ROAD}), put_label("12", {1: ROAD, 2: CAR})
    names = [f"x/{number:06}.png" for number in range(IMAGES)]
    full = commit_to(world.dataset, (ImageChange(name, label=plain) for name in names))
    few = commit_to(world.dataset, (ImageChange(name, label=rare) for name in names[::997]))
    compute_pixel_comparison(world.versions[2], full)
    client = APIClient()
    client.force_authenticate(person("ada"))

    for url in (
        f"{STREETS}/versions/{few.id_hex}/images/?",
        f"{STREETS}/versions/{few.id_hex}/images/?class=car&",
        f"{STREETS}/versions/{few.id_hex}/images/?prefix=x/09&",
        f"{STREETS}/compare/{full.id_hex}..{few.id_hex}/images/?",
        f"{STREETS}/compare/{world.versions[2].id_hex}..{full.id_hex}/images/?",
        f"{STREETS}/compare/{world.versions[2].id_hex}..{full.id_hex}/images/?class=road&",
    ):
        client.get(f"{url}limit={LIMIT}")  # comparisons are made, once
        with count_rows() as cost:
            shown = client.get(f"{url}limit={LIMIT}").json()["results"]
        assert len(shown) == LIMIT, url
        assert cost.rows <= 20 * LIMIT, (url, cost)
        assert cost.queries <= 21, (url, cost)
