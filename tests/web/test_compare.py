from __future__ import annotations

import pytest
from django.test import Client

from datasets_app.actions.commits import ImageChange
from datasets_app.actions.comparisons import get_pixel_comparison
from datasets_app.actions.reverts import revert_version
from datasets_app.models import Job, JobState, Version, VersionParent
from datasets_app.models.pixel_comparison import PixelComparison
from labels_app.reading import reading_of
from panoptic.diff import ALGORITHM_VERSION
from tests.datasets_app.builders import author, commit_to, put_label, taxonomy
from tests.web.builders import Page, branch, history, migrated, shared_dataset

pytestmark = pytest.mark.django_db


@pytest.fixture
def town():
    dataset = shared_dataset("town", public=True)
    return dataset, *history(dataset)


def page(client: Client, url: str) -> Page:
    return Page(client.get(url).content.decode())


def test_the_form_leads_to_the_comparison(client: Client, town) -> None:
    branch(town[0], "feature/night", town[2])
    url = "/datasets/town/compare/?old=v1&new=feature/night&go=1"
    assert client.get(url).url == "/datasets/town/compare/v1..feature/night/"
    assert client.get(f"{url}&base=1").url == "/datasets/town/compare/v1...feature/night/"


def test_the_form_refuses_what_can_name_no_version(client: Client, town) -> None:
    url = "/datasets/town/compare/?old=a:b&new=main&go=1"
    assert client.get(url).status_code == 404


def test_a_summary_counts_images_and_pixels(client: Client, town) -> None:
    text = page(client, "/datasets/town/compare/v1..v2/").text
    assert "added +1 changed ~1 removed −1 unchanged 1" in text
    # 2 pixels of a.png, 12 of b.png, 4 of d.png; c.png has no label.
    assert "18 of 28 changed" in text


def test_changed_images_come_by_changed_pixels(client: Client, town) -> None:
    text = page(client, "/datasets/town/compare/v1..v2/").text
    assert text.index("b.png") < text.index("d.png") < text.index("a.png")


def test_the_flow_tells_which_class_became_which(client: Client, town) -> None:
    html = client.get("/datasets/town/compare/v1..v2/").content.decode()
    assert "2 pixels: car → road" in html


def test_sides_swap_and_so_do_added_and_removed(client: Client, town) -> None:
    first = page(client, "/datasets/town/compare/v1..v2/")
    assert "/datasets/town/compare/v2..v1/" in first.links
    assert "added +1 changed ~1 removed −1" in page(client, "/datasets/town/compare/v2..v1/").text


def test_equal_versions_differ_in_nothing(client: Client, town) -> None:
    shown = page(client, "/datasets/town/compare/v2..main/")
    assert "v2 and main are two names of one version" in shown.text
    assert "/datasets/town/compare/v2~1..v2/" in shown.links


def test_a_version_that_undoes_another_differs_in_nothing(client: Client, town) -> None:
    revert_version(
        dataset=town[0],
        branch="main",
        expected_head=town[2].version_id,
        version=town[2],
        author=author(),
    )
    text = page(client, "/datasets/town/compare/v1..v3/").text
    assert "Nothing changed from v1 to v3" in text


def test_an_image_lists_its_segment_changes(client: Client, town) -> None:
    text = page(client, "/datasets/town/compare/v1..v2:1/").text
    assert "reshaped car #2 −2 0.500" in text
    assert "16.7 % of the pixels changed (2)" in text


@pytest.mark.parametrize(("number", "missing"), [(2, "not in v2"), (4, "not in v1")])
def test_an_image_on_one_side_says_where_it_is_not(
    client: Client, town, number: int, missing: str
) -> None:
    assert missing in page(client, f"/datasets/town/compare/v1..v2:{number}/").text


def test_next_and_previous_follow_the_list(client: Client, town) -> None:
    client.get("/datasets/town/compare/v1..v2/")
    links = page(client, "/datasets/town/compare/v1..v2:4/").links
    assert "/datasets/town/compare/v1..v2:2/" in links
    assert "/datasets/town/compare/v1..v2:1/" in links


def test_next_and_previous_keep_the_filter(client: Client, town) -> None:
    client.get("/datasets/town/compare/v1..v2/")
    links = page(client, "/datasets/town/compare/v1..v2:4/?class=2").links
    assert "/datasets/town/compare/v1..v2:1/?class=2" in links
    assert not [link for link in links if "v2:2/" in link]


def test_from_the_merge_base_only_the_new_side_counts(client: Client, town) -> None:
    text = page(client, "/datasets/town/compare/v2...v1/").text
    assert "merge base of v2 and v1" in text
    assert "v1 has done nothing since it left v2" in text


def test_versions_without_a_common_ancestor_can_be_compared_as_they_are(
    client: Client, town, monkeypatch: pytest.MonkeyPatch
) -> None:
    VersionParent.objects.all().delete()
    response = client.get("/datasets/town/compare/v1...v2/")
    assert response.status_code == 404
    shown = Page(response.content.decode())
    assert "These two versions are not related" in shown.text
    there = next(link for link in shown.links if "go=1" in link)
    assert client.get(there).url == "/datasets/town/compare/v1..v2/"


def test_versions_of_two_taxonomies_say_what_is_missing(client: Client, town) -> None:
    other = taxonomy()
    Version.objects.filter(pk=town[1].pk).update(taxonomy_version=other)
    response = client.get("/datasets/town/compare/v1..v2/")
    assert response.status_code == 409
    shown = Page(response.content.decode())
    assert "These two versions speak of other classes" in shown.text
    assert f"/taxonomies/{other.taxonomy.slug}/mappings/" in shown.links


def waiting(first, second, **fields) -> PixelComparison:
    job = Job.objects.create(kind="compare", dataset=second.dataset, **fields)
    return PixelComparison.objects.create(
        old=first,
        new=second,
        algorithm=ALGORITHM_VERSION,
        reading=reading_of(second.taxonomy_version).label_reading.digest,
        job=job,
    )


def test_a_comparison_that_is_not_ready_shows_its_progress_and_asks_again(
    client: Client, town
) -> None:
    waiting(*town[1:], state=JobState.RUNNING, done=3, total=9)
    html = client.get("/datasets/town/compare/v1..v2/").content.decode()
    text = Page(html).text
    assert "3 of 9" in text
    assert "added +1 changed ~1 removed −1" in text
    assert 'hx-trigger="every 1500ms"' in html
    assert "look again" in text


def test_asking_again_answers_with_the_progress_alone(client: Client, town) -> None:
    waiting(*town[1:], state=JobState.RUNNING, done=4, total=9)
    response = client.get("/datasets/town/compare/v1..v2/", headers={"hx-request": "true"})
    assert "4 of 9" in response.content.decode()
    assert "<html" not in response.content.decode()
    assert "HX-Refresh" not in response


def test_asking_again_when_it_is_ready_loads_the_page(client: Client, town) -> None:
    get_pixel_comparison(*town[1:], actor=author())
    response = client.get("/datasets/town/compare/v1..v2/", headers={"hx-request": "true"})
    assert response["HX-Refresh"] == "true"


def test_labels_of_two_sizes_are_told(client: Client, town) -> None:

    commit_to(town[0], [ImageChange("a.png", label=put_label("11 11", {1: 1}))])
    assert "different sizes" in page(client, "/datasets/town/compare/v2..v3:1/").text


def test_what_the_taxonomy_did_is_told_apart_from_the_labels(client: Client, town) -> None:
    dataset, _, head = town
    version = migrated(dataset, head)
    text = page(client, f"/datasets/town/compare/v2..v{version.number}/").text
    assert "1 → 2; labels are untouched by this" in text
    assert "renamed" in text
    assert "added +0 changed ~0 removed −0" in text


def test_versions_by_one_taxonomy_say_nothing_about_classes(client: Client, town) -> None:
    assert "labels are untouched" not in page(client, "/datasets/town/compare/v1..v2/").text
