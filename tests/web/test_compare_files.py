"""A comparison as one file: what is in it, what it can never do, and what it is called."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
from hashlib import sha256

import pytest
from django.test import Client

from datasets_app.actions.commits import ImageChange
from datasets_app.models import Dataset, Job, JobState
from datasets_app.models.pixel_comparison import PixelComparison
from labels_app.reading import reading_of
from panoptic.diff import ALGORITHM_VERSION
from tests.datasets_app.builders import commit_to, put_label
from tests.web.builders import CAR, Page, history, shared_dataset

pytestmark = pytest.mark.django_db

URL = "/datasets/town/compare/v1..v2"


@pytest.fixture
def town() -> Dataset:
    shared = shared_dataset("town", public=True)
    history(shared)
    return shared


def body(client: Client, form: str, query: str = "", url: str = URL) -> str:
    return client.get(f"{url}:diff.{form}{query}").getvalue().decode()


def rows(client: Client, query: str = "", url: str = URL) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(body(client, "csv", query, url))))


@pytest.mark.parametrize("form", ["html", "json", "csv"])
def test_a_file_is_an_attachment_that_may_do_nothing(
    client: Client, town: Dataset, form: str
) -> None:
    response = client.get(f"{URL}:diff.{form}")
    assert response["Content-Disposition"] == f'attachment; filename="town-v1-v2.{form}"'
    policy = response["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "sandbox" in policy
    assert "unsafe" not in policy
    assert response.streaming


def test_a_page_to_mail_needs_nothing_but_itself(client: Client, town: Dataset) -> None:
    html = body(client, "html")
    assert "<script" not in html
    assert {picture["src"].partition(",")[0] for picture in Page(html).pictures} == {
        "data:image/webp;base64"
    }
    assert not re.search(r'(?:src|href)="(?!data:|http://testserver/datasets/)', html)
    assert "url(" not in html


def test_its_policy_lets_its_own_style_in_and_nothing_else(client: Client, town: Dataset) -> None:
    response = client.get(f"{URL}:diff.html")
    html = response.getvalue().decode()
    style = html[html.index("<style>") + 7 : html.index("</style>")]
    digest = base64.b64encode(sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in response["Content-Security-Policy"]
    assert f"sha256-{digest}" in html[: html.index("<style>")]
    assert 'style="' not in html


def test_a_page_tells_sums_images_and_segments(client: Client, town: Dataset) -> None:
    text = Page(body(client, "html")).text
    assert "added +1 changed ~1 removed −1 unchanged 1" in text
    assert "All 3 images." in text
    assert "◐ reshaped car #2 car #2 −2 0.500" in text
    assert "Mend the car" in text


@pytest.mark.parametrize("form", ["html", "json", "csv"])
def test_a_file_that_leaves_images_out_says_so_in_its_name(
    client: Client, town: Dataset, form: str
) -> None:
    response = client.get(f"{URL}:diff.{form}?images=2&kind=added&kind=changed&kind=removed")
    name = re.search(r'filename="(.*)"', response["Content-Disposition"])[1]
    assert name == f"town-v1-v2-filtered-2-of-3-images.{form}"


def test_a_page_that_leaves_images_out_says_so(client: Client, town: Dataset) -> None:
    text = Page(body(client, "html", "?images=1")).text
    assert "This file holds the first 1 of 3 images" in text
    assert "b.png" in text
    assert "d.png" not in text


@pytest.mark.parametrize("images", ["", "0x1", "-1", "99999999999", "١"])
def test_odd_numbers_of_images_are_the_default(client: Client, town: Dataset, images: str) -> None:
    assert len({row["image"] for row in rows(client, f"?images={images}")}) == 3


def test_the_table_has_a_row_for_each_change_of_a_segment(client: Client, town: Dataset) -> None:
    found = rows(client, "?order=share&kind=changed")
    assert [(row["image"], row["change"], row["old_classes"]) for row in found] == [
        ("a.png", "reshaped", "road"),
        ("a.png", "reshaped", "car"),
    ]
    assert (found[1]["old_area"], found[1]["new_area"]) == ("4", "2")
    assert found[1]["iou"] == "0.5"


def test_an_image_of_which_no_segment_changed_has_a_row(client: Client, town: Dataset) -> None:
    commit_to(town, [ImageChange("a.png", split="val")])
    (row,) = rows(client, url="/datasets/town/compare/v2..v3")
    assert (row["image"], row["facets"], row["change"]) == ("a.png", "split", "")


@pytest.mark.parametrize("name", ["=1+1.png", "+a.png", "-a.png", "@a.png", "=cmd|'x'!A0.png"])
def test_no_cell_is_a_formula(client: Client, town: Dataset, name: str) -> None:
    commit_to(town, [ImageChange(name, label=put_label("22", {2: CAR}))])
    (row,) = rows(client, url="/datasets/town/compare/v2..v3")
    assert row["image"] == f"'{name}"


def test_names_are_escaped(client: Client, town: Dataset) -> None:
    name = '<img src=x onerror=alert(1)>".png'
    commit_to(town, [ImageChange(name, label=put_label("22", {2: CAR}))])
    url = "/datasets/town/compare/v2..v3"
    assert "<img src=x" not in body(client, "html", url=url)
    assert json.loads(body(client, "json", url=url))["changed_images"][0]["name"] == name
    assert rows(client, url=url)[0]["image"] == name


def test_the_document_is_what_the_api_says(client: Client, town: Dataset) -> None:
    found = json.loads(body(client, "json"))
    there = client.get("/api/v1/datasets/town/compare/v1..v2/").json()
    assert {name: found[name] for name in there} == there
    assert found["listed"] == 3
    for image in found["changed_images"]:
        number = image["number"]
        path = f"/api/v1/datasets/town/compare/v1..v2/images/{number}/"
        assert image == client.get(path).json()


def test_a_filter_that_makes_no_sense_leads_to_the_page_that_says_so(
    client: Client, town: Dataset
) -> None:
    response = client.get(f"{URL}:diff.csv?change=vanished")
    assert response.url == f"{URL}/?change=vanished"


def test_before_the_pixels_are_compared_a_page_offers_the_job(
    client: Client, town: Dataset
) -> None:
    versions = {version.number: version for version in town.versions.all()}
    job = Job.objects.create(kind="compare", dataset=town, state=JobState.RUNNING)
    PixelComparison.objects.create(
        old=versions[1],
        new=versions[2],
        algorithm=ALGORITHM_VERSION,
        reading=reading_of(versions[2].taxonomy_version).label_reading.digest,
        job=job,
    )
    response = client.get(f"{URL}:diff.html")
    shown = Page(response.content.decode())
    assert response.status_code == 409
    assert "The pixels are not compared yet" in shown.text
    assert f"/jobs/{job.pk}/" in shown.links


def test_images_are_read_a_few_at_a_time(
    client: Client, town: Dataset, django_assert_max_num_queries
) -> None:
    label = put_label("22", {2: CAR})
    commit_to(town, [ImageChange(f"many/{number:03}.png", label=label) for number in range(80)])
    with django_assert_max_num_queries(100):
        found = rows(client, url="/datasets/town/compare/v2..v3")
    assert len(found) == 80
