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
    (f"{API}/datasets/", 2),
    (f"{STREETS}/", 2),
    (f"{STREETS}/versions/", 3),
    (f"{STREETS}/versions/?branch=main", 5),
    (f"{BY_BRANCH}/", 5),
    (f"{BY_ID}/", 5),
    (f"{BY_BRANCH}/stats/", 5),
    (f"{BY_BRANCH}/images/", 10),
    (f"{BY_BRANCH}/images/?class=car", 13),
    (f"{BY_BRANCH}/images/?split=val", 12),
    (f"{BY_BRANCH}/images/?prefix=a", 10),
    (f"{BY_BRANCH}/images/?name=a.png", 16),
    (f"{BY_BRANCH}/images/1/", 12),
    (f"{BY_BRANCH}/images/1/history/", 6),
    (f"{BY_BRANCH}/images/1/photo", 12),
    (f"{BY_BRANCH}/images/1/panoptic.png", 11),
    (f"{BY_BRANCH}/images/1/panoptic.json", 11),
    (f"{BY_BRANCH}/images/1/semantic.png", 11),
    (f"{BY_BRANCH}/images/1/instances.json", 11),
    (f"{BY_BRANCH}/images/1/overlay.png", 12),
    (f"{BY_BRANCH}/images/1/thumbnail.webp", 12),
    (f"{COMPARE}/", 12),
    (f"{COMPARE}/images/", 19),
    (f"{COMPARE}/images/?class=car&facet=label", 19),
    (f"{COMPARE}/images/?order=name", 21),
    (f"{COMPARE}/images/1/", 12),
    (f"{COMPARE}/images/1/change.png", 16),
    (f"{STREETS}/branches/", 2),
    (f"{STREETS}/branches/main/", 2),
    (f"{STREETS}/tags/", 2),
    (f"{STREETS}/tags/release/1.0/", 2),
    (f"{API}/taxonomies/", 2),
    (f"{API}/taxonomies/streets-classes/", 3),
    (f"{API}/taxonomies/streets-classes/versions/", 2),
    (f"{API}/taxonomies/streets-classes/versions/1/", 2),
    (f"{API}/jobs/", 1),
    (f"{API}/tokens/", 1),
    ("/readyz", 2),
    ("/healthz", 0),
]


@pytest.mark.parametrize(("url", "count"), COUNTS)
def test_the_queries_of_a_request(world, django_assert_num_queries, url, count):
    client = APIClient()
    client.force_authenticate(person("ada"))
    url = url.format(id=world.ids[2])
    assert client.get(url).status_code == 200
    with django_assert_num_queries(count):
        body_of(client.get(url))
