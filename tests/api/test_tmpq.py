"""What every list and view asks of the database, on an answer that nobody has kept.

The caller is signed in without a query, so that these are the view's own. Readings of
taxonomies are cached by digest, pixel comparisons in tables: both are warm.
"""

import pytest
from rest_framework.test import APIClient

from tests.api.builders import API, STREETS, body_of, person

BY_BRANCH = f"{STREETS}/versions/main"
BY_ID = f"{STREETS}/versions/{{id}}"
COMPARE = f"{STREETS}/compare/v1..v3"

COUNTS = [
    (f"{API}/datasets/", 999),
    (f"{STREETS}/", 999),
    (f"{STREETS}/versions/", 999),
    (f"{STREETS}/versions/?branch=main", 999),
    (f"{BY_BRANCH}/", 999),
    (f"{BY_ID}/", 999),
    (f"{BY_BRANCH}/stats/", 999),
    (f"{BY_BRANCH}/images/", 999),
    (f"{BY_BRANCH}/images/?class=car", 999),
    (f"{BY_BRANCH}/images/?split=val", 999),
    (f"{BY_BRANCH}/images/?prefix=a", 999),
    (f"{BY_BRANCH}/images/?name=a.png", 999),
    (f"{BY_BRANCH}/images/1/", 999),
    (f"{BY_BRANCH}/images/1/history/", 999),
    (f"{BY_BRANCH}/images/1/photo", 999),
    (f"{BY_BRANCH}/images/1/panoptic.png", 999),
    (f"{BY_BRANCH}/images/1/panoptic.json", 999),
    (f"{BY_BRANCH}/images/1/semantic.png", 999),
    (f"{BY_BRANCH}/images/1/instances.json", 999),
    (f"{BY_BRANCH}/images/1/overlay.png", 999),
    (f"{BY_BRANCH}/images/1/thumbnail.webp", 999),
    (f"{COMPARE}/", 999),
    (f"{COMPARE}/images/", 999),
    (f"{COMPARE}/images/?class=car&facet=label", 999),
    (f"{COMPARE}/images/?order=name", 999),
    (f"{COMPARE}/images/1/", 999),
    (f"{COMPARE}/images/1/change.png", 999),
    (f"{STREETS}/branches/", 999),
    (f"{STREETS}/branches/main/", 999),
    (f"{STREETS}/tags/", 999),
    (f"{STREETS}/tags/release/1.0/", 999),
    (f"{API}/taxonomies/", 999),
    (f"{API}/taxonomies/streets-classes/", 999),
    (f"{API}/taxonomies/streets-classes/versions/", 999),
    (f"{API}/taxonomies/streets-classes/versions/1/", 999),
    (f"{API}/jobs/", 999),
    (f"{API}/tokens/", 999),
    ("/readyz", 999),
    ("/healthz", 999),
]


@pytest.mark.parametrize(("url", "count"), COUNTS)
def test_the_queries_of_a_request(world, django_assert_num_queries, url, count):
    client = APIClient()
    client.force_authenticate(person("ada"))
    url = url.format(id=world.ids[2])
    assert client.get(url).status_code == 200
    with django_assert_num_queries(count):
        body_of(client.get(url))
