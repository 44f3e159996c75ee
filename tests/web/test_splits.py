"""Splits by pages: counted, previewed, assigned; and what leaks between them."""

from __future__ import annotations

import pytest
from django.test import Client

from datasets_app.actions.commits import ImageChange
from datasets_app.jobs.running import run_job
from datasets_app.models import Branch, Dataset, Job, JobState, Version
from people_app.actions.roles import grant_role
from people_app.models import User
from people_app.roles import Role
from tests.datasets_app.builders import author, commit_to, put_label
from tests.web.builders import ROAD, Page, history, member, photo, shared_dataset

pytestmark = pytest.mark.django_db
SPLITS = "/datasets/town/splits/"
LEAKS = "/datasets/town/leaks/main/"
FORM = {"shares": "train 60, val 40", "group": "folders", "folders": "1", "seed": "7"}


@pytest.fixture
def town() -> Dataset:
    """Twelve images in six folders, none in a split."""
    dataset = shared_dataset("town")
    label = put_label("11 11", {1: ROAD})
    names = [f"street-{number // 2}/{number}.png" for number in range(12)]
    commit_to(dataset, [ImageChange(name, label=label) for name in names], message="Begin")
    return dataset


@pytest.fixture
def annotator(town: Dataset, client: Client) -> Client:
    user = User.objects.create_user("anna")
    grant_role(user=user, resource=town, role=Role.ANNOTATOR, actor=author())
    client.force_login(user)
    return client


def head(town: Dataset) -> Version:
    return Branch.objects.select_related("head").get(dataset=town, name="main").head


def form_of(client: Client, **fields: str) -> dict[str, str]:
    """What the page posts after a preview of these fields."""
    response = client.post(SPLITS, FORM | {"act": "preview"} | fields)
    assert response.status_code == 200
    seen = {"head": response.context["head"].id_hex, "previewed": response.context["previewed"]}
    return FORM | fields | seen | {"act": "assign"}


def test_the_page_counts_images_by_split(client: Client) -> None:
    dataset = shared_dataset("town")
    history(dataset)
    client.force_login(member(dataset))
    text = Page(client.get(SPLITS).content.decode()).text
    assert "in none 1 33.3 %" in text
    assert "train 1 33.3 % 1 0" in text
    assert "Give images their splits" not in text


def test_a_preview_counts_and_makes_no_version(annotator: Client, town: Dataset) -> None:
    before = head(town)
    response = annotator.post(SPLITS, FORM | {"act": "preview"})
    text = Page(response.content.decode()).text
    assert "12 of 12 images would get another split; they are 6 groups." in text
    assert "Make a version of it" in text
    assert head(town) == before


def test_what_was_previewed_becomes_a_version(annotator: Client, town: Dataset) -> None:
    form = form_of(annotator)
    page = Page(annotator.post(SPLITS, form, follow=True).content.decode())
    assert "v2 has the new splits." in page.text
    splits = dict(head(town).split_stats.values_list("split", "images"))
    assert sum(splits.values()) == 12
    assert splits.keys() <= {"train", "val"}
    # Groups are whole: of two images each.
    assert all(images % 2 == 0 for images in splits.values())


def test_a_form_that_changed_since_its_preview_is_previewed_again(
    annotator: Client, town: Dataset
) -> None:
    form = form_of(annotator) | {"shares": "train 100"}
    response = annotator.post(SPLITS, form)
    assert "The form was changed." in response.content.decode()
    assert head(town).number == 1


def test_a_branch_that_moved_since_the_preview_is_told(annotator: Client, town: Dataset) -> None:
    form = form_of(annotator)
    commit_to(town, [ImageChange("new.png", image=photo(3))], message="Meanwhile")
    response = annotator.post(SPLITS, form)
    assert response.status_code == 422
    assert "main moved since the preview." in response.content.decode()
    assert head(town).number == 2


def test_pressing_twice_makes_one_version(annotator: Client, town: Dataset) -> None:
    form = form_of(annotator)
    annotator.post(SPLITS, form)
    assert annotator.post(SPLITS, form).status_code == 422
    assert head(town).number == 2


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"shares": "train 60, val 30"}, "They add up to 90 %, not to 100."),
        ({"shares": "train"}, "“train” is no split with its percentage."),
        ({"shares": "train 50, train 50"}, "“train” is there twice."),
        ({"shares": ", 100"}, "“” is no split with its percentage."),
        ({"shares": ", ".join(f"s{no} 5" for no in range(20))}, "1 to 16 splits."),
        ({"shares": "x" * 80 + " 100"}, "a split has at most 64 bytes"),
        ({"folders": ""}, "This is needed."),
        ({"folders": "0"}, "greater than or equal to 1"),
        ({"group": "pattern", "pattern": "no key"}, "It needs a {key}"),
        ({"group": "moon"}, "moon is not one of the available choices"),
        ({"group": "attribute", "attribute": "a\x00"}, "Null characters are not allowed."),
    ],
)
def test_what_is_refused_is_told_beside_its_field(
    annotator: Client, fields: dict[str, str], problem: str
) -> None:
    response = annotator.post(SPLITS, FORM | {"act": "preview"} | fields)
    assert response.status_code == 422
    assert problem.lower() in Page(response.content.decode()).text.lower()


def test_what_is_large_becomes_a_job(
    annotator: Client, town: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("datasets_app.actions.splits.IMAGES_AT_ONCE", 5)
    response = annotator.post(SPLITS, FORM | {"act": "preview"})
    job = Job.objects.get()
    assert response.url == f"/jobs/{job.pk}/"
    assert job.arguments["dry_run"]


def test_readers_look_and_assign_nothing(town: Dataset, client: Client) -> None:
    client.force_login(member(town))
    assert client.post(SPLITS, FORM | {"act": "assign"}).status_code == 403
    assert Client().get(SPLITS).status_code == 404
    town.visibility = "public"
    town.save()
    assert Client().get(SPLITS).status_code == 200
    assert Client().post(SPLITS, FORM).url.startswith("/sign-in/")


@pytest.mark.parametrize("query", ["?branch=nowhere", "?branch=%00"])
def test_a_branch_that_is_not_there_is_not_found(annotator: Client, query: str) -> None:
    assert annotator.get(SPLITS + query).status_code == 404


@pytest.mark.parametrize("url", [SPLITS, LEAKS])
def test_a_page_costs_few_queries_and_has_nothing_inline(
    annotator: Client, url: str, django_assert_max_num_queries
) -> None:
    with django_assert_max_num_queries(9):
        response = annotator.get(url)
    page = Page(response.content.decode())
    assert (page.headings, page.inline) == (1, [])


# ---- leaks ------------------------------------------------------------------


@pytest.fixture
def leaky(town: Dataset) -> Dataset:
    """The same photograph in training and in validation."""
    same = photo(9)
    changes = [ImageChange("a/1.png", image=same, split="train")]
    changes += [ImageChange("b/2.png", image=same, split="val")]
    commit_to(town, changes, message="Twice")
    return town


def work() -> None:
    for job in Job.objects.filter(state=JobState.QUEUED):
        run_job(str(job.pk))


def test_leaks_are_looked_for_and_shown_side_by_side(
    annotator: Client, leaky: Dataset, django_assert_max_num_queries
) -> None:
    assert "Nobody looked for these yet" in annotator.get(LEAKS).content.decode()
    response = annotator.post(LEAKS, {"group": "", "distance": "10"})
    assert response.url == f"{LEAKS}?distance=10"
    html = annotator.get(response.url).content.decode()
    assert "Comparing the photographs" in html or "1 leak" in html
    work()
    with django_assert_max_num_queries(15):
        page = Page(annotator.get(response.url).content.decode())
    assert "1 leak among" in page.text
    assert "a/1.png train b/2.png val" in page.text
    assert len(page.pictures) == 2
    narrowed = annotator.get(f"{response.url}&kind=mirrored").content.decode()
    assert "None of this kind." in narrowed


def test_divided_groups_are_found_when_asked_for(annotator: Client, leaky: Dataset) -> None:
    response = annotator.post(LEAKS, {"group": "pattern", "pattern": "*/{key}.png"})
    assert response.url == f"{LEAKS}?group=pattern&pattern=%2A%2F%7Bkey%7D.png"
    work()
    assert annotator.get(response.url).status_code == 200


def test_waiting_answers_with_the_part_alone(annotator: Client, leaky: Dataset) -> None:
    annotator.post(LEAKS, {"group": ""})
    html = annotator.get(LEAKS, headers={"hx-request": "true"}).content.decode()
    assert 'id="report"' in html
    assert "<html" not in html


@pytest.mark.parametrize(
    "query", ["?after=odd", "?after=999999999", "?kind=odd", "?kind=near&after=1"]
)
def test_odd_parameters_are_no_error(annotator: Client, leaky: Dataset, query: str) -> None:
    annotator.post(LEAKS, {"group": ""})
    work()
    assert annotator.get(LEAKS + query).status_code == 200


@pytest.mark.parametrize("query", ["?distance=99", "?group=folders", "?group=moon"])
def test_what_cannot_be_looked_for_is_told(annotator: Client, leaky: Dataset, query: str) -> None:
    assert annotator.get(LEAKS + query).status_code == 422


def test_who_is_not_signed_in_has_nothing_looked_for(leaky: Dataset, client: Client) -> None:
    leaky.visibility = "public"
    leaky.save()
    assert "Sign in" in client.get(LEAKS).content.decode()
    assert client.post(LEAKS, {"group": ""}).url.startswith("/sign-in/")
    assert not Job.objects.exists()
