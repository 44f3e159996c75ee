"""The pages of statistics: what they tell, what they cost, and where they lead."""

from __future__ import annotations

import csv
import io
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from datasets_app import distributions_counting
from datasets_app.actions.commits import ImageChange
from datasets_app.actions.datasets import create_dataset
from datasets_app.image_query import parse_query
from datasets_app.models import Dataset, Job, JobState, VersionDistributions
from datasets_app.models.dataset import Visibility
from labels_app.actions.taxonomies import create_taxonomy
from labels_app.classes import ClassSpec
from labels_app.reading import _reading_of, reading_of
from tests.datasets_app.builders import author, commit_to, put_label
from tests.web.builders import Page, history, member, shared_dataset

pytestmark = pytest.mark.django_db

PARTS = ("sizes", "instances", "places", "together", "history")
TOWN = "/datasets/town/statistics/v2:"


@pytest.fixture
def town():
    place = shared_dataset("town", public=True)
    return place, *history(place)


def page(client: Client, url: str) -> Page:
    response = client.get(url)
    assert response.status_code == 200, url
    return Page(response.content.decode())


def table(client: Client, url: str) -> list[list[str]]:
    response = client.get(url)
    assert response.status_code == 200, url
    assert response["Content-Type"].startswith("text/csv")
    return list(csv.reader(io.StringIO(response.content.decode())))


def named(*names: str) -> Dataset:
    """The public dataset "town", whose classes have these names."""
    specs = [ClassSpec(name, "stuff", n, f"#{n:06x}") for n, name in enumerate(names, 1)]
    line = create_taxonomy(slug="town-classes", classes=specs, actor=author()).taxonomy
    public = Visibility.PUBLIC
    return create_dataset(slug="town", taxonomy=line, actor=author(), visibility=public)


def queries_of(found: Page) -> list[str]:
    """The filters of all links to images."""
    links = [urlsplit(link) for link in found.links if "/images/" in link]
    return [parse_qs(link.query)["q"][0] for link in links if "q=" in link.query]


# ---- what they tell ---------------------------------------------------------


def test_sizes_are_told_by_class_and_bin(client: Client, town) -> None:
    found = page(client, f"{TOWN}sizes/?class=2")
    # Cars of 2 pixels and of 4.
    assert "2–3 px 1 50.0 %" in found.text
    assert "4–7 px 1 50.0 %" in found.text


def test_images_are_told_by_how_many_segments_they_have(client: Client, town) -> None:
    text = page(client, f"{TOWN}instances/").text
    assert "2.0 per image, over 2 labelled images" in text
    assert "3 1 50.0 %" in text


def test_images_without_the_class_are_told_too(client: Client, town) -> None:
    assert "0 1 50.0 % 1 1 50.0 %" in page(client, f"{TOWN}instances/?class=1").text


def test_a_map_says_where_most_of_a_class_lies(client: Client, town) -> None:
    assert "v2 mostly at the top;" in page(client, f"{TOWN}places/?class=3").text


def test_a_matrix_says_which_classes_come_together(client: Client, town) -> None:
    text = page(client, f"{TOWN}together/?class=2").text
    assert "With car in 2 images" in text
    assert "road 1 50.0 % 1.00 ×" in text


def test_curves_go_over_the_versions_of_the_line(client: Client, town) -> None:
    text = page(client, f"{TOWN}history/?class=2&of=pixels").text
    assert "v2 Mend the car 6" in text
    assert "v1 Begin 4" in text


def test_the_unlabelled_are_told_over_versions(client: Client, town) -> None:
    assert "v1 Begin 3 1" in page(client, f"{TOWN}history/?of=unlabelled").text


def test_another_version_stands_beside(client: Client, town) -> None:
    text = page(client, "/datasets/town/versions/v2/?with=v1").text
    assert "sky 2 1 −1 2 1 −1 8 4 −4" in text
    assert "4–7 px 1 50.0 % 1" in page(client, f"{TOWN}sizes/?class=2&with=v1").text
    assert "v1 mostly" in page(client, f"{TOWN}places/?class=2&with=v1").text
    assert "road 1 50.0 % 1.00 × " not in page(client, f"{TOWN}together/?class=2&with=v1").text


def test_a_class_that_is_only_in_the_other_version_has_its_row(client: Client) -> None:
    place = shared_dataset("town", public=True)
    commit_to(place, [ImageChange("a", label=put_label("12", {1: 1, 2: 2}))])
    commit_to(place, [ImageChange("a", label=put_label("1", {1: 1}))])
    assert "car 1 0 −1" in page(client, "/datasets/town/versions/v2/?with=v1").text


def test_one_split_alone_is_told(client: Client, town) -> None:
    assert "over 1 labelled images" in page(client, f"{TOWN}instances/?split=val").text


def test_what_names_nothing_is_as_if_it_were_not_there(client, town) -> None:
    for part in PARTS:
        for query in ("?class=x&split=nope&of=z", "?class=99&all=1", "?class=0"):
            page(client, f"{TOWN}{part}/{query}")


def test_a_version_beside_that_is_not_there_is_not_found(client: Client, town) -> None:
    for rev in ("v9", "nope", "%00", "v1..v2"):
        assert client.get(f"{TOWN}sizes/?with={rev}").status_code == 404, rev


# ---- where they lead --------------------------------------------------------


def test_links_to_images_are_filters_that_are_understood(client: Client) -> None:
    place = named('traffic "light"', "o'hare", "a\\b c")
    version = commit_to(
        place, [ImageChange("a", label=put_label("1233", {1: 1, 2: 2, 3: 3}), split="the val")]
    )
    reading = reading_of(version.taxonomy_version)
    for part in ("sizes", "instances", "places", "together"):
        for query in ("", "?class=1", "?split=the+val"):
            filters = queries_of(page(client, f"/datasets/town/statistics/main:{part}/{query}"))
            assert filters
            for one in filters:
                parse_query(one, reading)


def test_a_bar_leads_to_its_images(client: Client, town) -> None:
    found = page(client, f"{TOWN}sizes/?class=2&split=val")
    assert "class:car area>=4 area<=7 split:val" in queries_of(found)
    assert "class:car count=1" in queries_of(page(client, f"{TOWN}instances/?class=2"))
    assert "class:car class:road" in queries_of(page(client, f"{TOWN}together/?class=2"))


def test_every_page_leads_to_the_others_and_keeps_split_and_neighbour(client, town) -> None:
    links = page(client, f"{TOWN}sizes/?split=val&with=v1").links
    assert "/datasets/town/versions/v2/?split=val&with=v1" in links
    for part in PARTS:
        assert f"{TOWN}{part}/?split=val&with=v1" in links


# ---- files ------------------------------------------------------------------


def test_every_table_is_a_file(client: Client, town) -> None:
    assert table(client, f"{TOWN}classes.csv")[1] == ["1", "road", "stuff", "1", "1", "0", "6"]
    assert ["val", "1", "1", "0", "1", "4"] in table(client, f"{TOWN}splits.csv")
    assert ["2", "car", "area", "4–7 px", "1"] in table(client, f"{TOWN}sizes.csv")
    assert ["2", "car", "1", "1", "2"] in table(client, f"{TOWN}instances.csv")
    assert ["1", "road", "2", "car", "1"] in table(client, f"{TOWN}together.csv")
    assert len(table(client, f"{TOWN}places.csv?class=2")) > 32 * 16
    assert table(client, f"{TOWN}history.csv?class=2")[-1][-1] == "2"


def test_a_file_has_both_versions(client: Client, town) -> None:
    rows = table(client, f"{TOWN}instances.csv?with=v1")
    assert rows[0][-2:] == ["images v2", "images v1"]
    assert ["3", "sky", "1", "1", "1", "2"] in rows


def test_a_name_that_is_a_formula_stays_a_name(client: Client) -> None:
    place = named("=1+1")
    commit_to(place, [ImageChange("a", label=put_label("1", {1: 1}))])
    assert table(client, "/datasets/town/statistics/main:classes.csv")[1][1] == "'=1+1"


# ---- empty, pending, failed -------------------------------------------------


def test_a_version_without_labels_teaches_how_to_bring_some(client: Client) -> None:
    place = shared_dataset("town", public=True)
    commit_to(place, [ImageChange("a")])
    for url in ("versions/main/", *(f"statistics/main:{part}/" for part in PARTS[:-1])):
        text = page(client, f"/datasets/town/{url}").text
        assert "Nothing is labelled here yet" in text
        assert "import_labels town" in text
    page(client, "/datasets/town/statistics/main:history/")


def test_a_page_waits_for_the_job_that_counts(client: Client, town, monkeypatch) -> None:
    waiting(monkeypatch, JobState.RUNNING)
    text = page(client, f"{TOWN}sizes/").text
    assert "Counting the labels" in text
    assert client.get(f"{TOWN}sizes.csv").status_code == 409
    part = client.get(f"{TOWN}sizes/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert 'hx-trigger="every 2s"' in part


def test_a_page_that_waited_loads_again_when_the_job_is_done(client: Client, town) -> None:
    response = client.get(f"{TOWN}sizes/", headers={"HX-Request": "true"})
    assert response["HX-Refresh"] == "true"


def test_a_job_that_failed_says_why(client: Client, town, monkeypatch) -> None:
    waiting(monkeypatch, JobState.FAILED)
    text = page(client, f"{TOWN}sizes/").text
    assert "The count ended without a result" in text


def waiting(monkeypatch, state: JobState) -> None:
    """Have everything counted by jobs, which are in this state."""
    monkeypatch.setattr(distributions_counting, "LABELS_AT_ONCE", 0)
    Client().get(f"{TOWN}sizes/")
    VersionDistributions.objects.all().delete()
    Job.objects.filter(kind="distributions").update(state=state)


# ---- what they cost ---------------------------------------------------------


@pytest.fixture
def many(client: Client):
    """133 classes in 12 images, each class in some of them."""
    place = named(*(f"class {n}" for n in range(1, 134)))
    for image in range(12):
        held = [n for n in range(1, 134) if (n * 7 + image) % 4]
        rows = " ".join(
            "".join("123456789abcdefghijklmnopqrstuvwxyz"[k % 30] for k in range(64))
            for _ in range(64)
        )
        ids = {k + 1: held[(k + image * 9) % len(held)] for k in range(30)}
        commit_to(place, [ImageChange(f"{image}.png", label=put_label(rows, ids))])
    return place


@pytest.mark.slow
def test_pages_of_many_classes_are_light(client: Client, many) -> None:
    for url in ("versions/main/", *(f"statistics/main:{part}/" for part in PARTS)):
        for query in ("", "?all=1", "?with=v6"):
            response = client.get(f"/datasets/town/{url}{query}")
            assert len(response.content) < 200_000, url + query


def test_a_first_view_takes_few_queries(client: Client, town) -> None:
    sign_in(client, town[0])
    for part in ("", *PARTS):
        for query in ("", "?with=v1"):
            url = f"{TOWN}{part}/{query}" if part else f"/datasets/town/versions/v2/{query}"
            client.get(url)  # what is counted once and kept
            _reading_of.cache_clear()
            with CaptureQueriesContext(connection) as queries:
                client.get(url)
            assert len(queries) <= 15, (url, len(queries))


def sign_in(client: Client, place: Dataset) -> None:
    """Sign in a reader: that costs queries, too."""
    client.force_login(member(place))


def test_pages_have_no_inline_style_or_script(client: Client, town) -> None:
    for part in ("", *PARTS):
        url = f"{TOWN}{part}/?with=v1" if part else "/datasets/town/versions/v2/?with=v1"
        found = page(client, url)
        assert found.inline == []
        assert found.headings == 1
