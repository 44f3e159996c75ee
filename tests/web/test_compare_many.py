"""The list of a comparison of 100,000 changed images: its rows are drawn, no pixel is."""

from __future__ import annotations

import tracemalloc

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from datasets_app.actions.comparisons import compute_pixel_comparison
from datasets_app.bulk import insert_rows
from datasets_app.models import ComparedFlow, ComparedImage, Dataset, Image, RankedImage
from tests.web.builders import history, shared_dataset

pytestmark = [pytest.mark.django_db, pytest.mark.slow]

URL = "/datasets/town/compare/v1..v2/"
IMAGES = 100_000
_FIRST = 10  # the numbers before are those of real images


@pytest.fixture
def town() -> Dataset:
    shared = shared_dataset("town", public=True)
    key = compute_pixel_comparison(*history(shared)).pk
    numbers = range(_FIRST, _FIRST + IMAGES)
    insert_rows(
        Image,
        ("dataset_id", "image_no", "name"),
        ((shared.pk, number, f"many/{number:06}.png") for number in numbers),
    )
    insert_rows(
        RankedImage,
        (
            "comparison_id",
            "image_no",
            "changed_pixels",
            "changed_share",
            "quality_loss",
            "segments",
            "boundary_loss",
        ),
        (
            (key, number, number % 977, number % 977 / 977, number % 31 / 31, number % 13, 0.5)
            for number in numbers
        ),
    )
    keys = ("", "kind:changed", "facet:label", "change:reshaped", "severity:major")
    insert_rows(
        ComparedImage,
        ("comparison_id", "key", "image_no", "changed_pixels"),
        (
            (key, one, number, number % 977)
            # One image in 10,000 has a class that no other has.
            for number in numbers
            for one in (keys if number % 10_000 else (*keys, "class:3"))
        ),
    )
    insert_rows(
        ComparedFlow,
        ("comparison_id", "old_class", "new_class", "image_no", "pixels", "segments"),
        ((key, 2, 1, number, 5, 0) for number in numbers if number % 100 == 0),
    )
    return shared


def test_a_page_costs_what_it_shows_whatever_the_filter_and_the_order(
    client: Client, town: Dataset
) -> None:
    client.get(URL)
    costs = {}
    for query in (
        "",
        "?order=share",
        "?order=quality&change=reshaped",
        "?order=boundary&class=3",
        "?order=segments&flow=2-1",
        "?class=3&change=reshaped&severity=major&facet=label",
        "?cursor=500~60000",
        "?order=share&cursor=0.5~60000",
    ):
        tracemalloc.start()
        with CaptureQueriesContext(
            connection,
        ) as queries:
            response = client.get(URL + query)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert response.status_code == 200
        assert len(response.content) < 300_000
        costs[query] = (len(queries), peak < 8_000_000)

    assert {cost for _, cost in costs.values()} == {True}
    assert max(number for number, _ in costs.values()) <= 13, costs
