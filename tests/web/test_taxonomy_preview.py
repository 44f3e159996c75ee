"""The page that shows what publishing a draft would do."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from django.test import Client

from datasets_app.actions.branches import create_branch
from datasets_app.actions.commits import ImageChange
from datasets_app.jobs.running import run_job
from datasets_app.models import Dataset, Job, JobState
from datasets_app.unions import counting
from labels_app.actions.drafts import edit_draft, get_draft, publish_draft
from people_app.actions.roles import grant_role
from people_app.models import User
from people_app.roles import Role
from tests.datasets_app.builders import author, commit_to, dataset, put_label
from tests.web.builders import Page, member

pytestmark = pytest.mark.django_db

CLASSES = "1:road/stuff 2:car 3:van 4:grass/stuff 5:sky/stuff"
ROAD, CAR, VAN, GRASS, SKY = range(1, 6)
MERGE = {"op": "merge", "classes": ["car", "van"], "into": "car"}
HEADS = "Branch Images Segments Pixels Joined New crowds"
SCOOTER = {"op": "add", "name": "scooter", "kind": "thing"}
JOIN = {"op": "merge", "classes": ["road", "grass"], "into": "road"}


@pytest.fixture
def town() -> Dataset:
    found = dataset("town", CLASSES)
    commit_to(
        found,
        [
            ImageChange("a.png", label=put_label("1123 1143", {1: ROAD, 2: CAR, 3: CAR, 4: VAN})),
            ImageChange("b.png", label=put_label("1133 1122", {1: ROAD, 2: GRASS, 3: VAN})),
            ImageChange("c.png", label=put_label("55 55", {5: SKY})),
        ],
    )
    return found


@pytest.fixture
def reader(town: Dataset, client: Client) -> Client:
    client.force_login(member(town))
    return client


def edit(found: Dataset, *operations: dict) -> None:
    revision = get_draft(found.taxonomy).revision
    edit_draft(
        taxonomy=found.taxonomy, expected_revision=revision, operations=operations, actor=author()
    )


def publish(found: Dataset, *operations: dict) -> None:
    edit(found, *operations)
    revision = get_draft(found.taxonomy).revision
    publish_draft(taxonomy=found.taxonomy, expected_revision=revision, message="Go", actor=author())


def address(found: Dataset, query: str = "") -> str:
    return f"/taxonomies/{found.taxonomy.slug}/draft/preview/{query}"


def show(client: Client, found: Dataset, query: str = "", **headers: str) -> Page:
    response = client.get(address(found, query), headers=headers)
    assert response.status_code == 200
    return Page(response.content.decode())


def test_a_change_is_told_with_what_it_touches_on_the_default_branch(reader, town) -> None:
    edit(town, MERGE)
    told = f"van reads as car What car being merged touches {HEADS} town main 2 2 3 0 0"
    assert told in show(reader, town).text


def test_classes_are_counted_before_and_after(reader, town) -> None:
    edit(town, MERGE)
    text = show(reader, town).text
    assert "car thing 1 2 2 4 3 6" in text
    assert "van gone thing 2 – 2 – 3 –" in text


def test_stuff_that_is_joined_and_stuff_that_becomes_crowds_are_counted(reader, town) -> None:
    edit(town, JOIN, {"op": "flip", "class": "sky"})
    text = show(reader, town).text
    assert f"grass reads as road What road being merged touches {HEADS} town main 1 1 2 1" in text
    assert "town main 1 1 4 0 1" in text


def test_a_change_of_words_alone_is_told_apart(reader, town) -> None:
    edit(town, {"op": "rename", "class": "car", "name": "auto"}, SCOOTER)
    text = show(reader, town).text
    assert "Labels read otherwise" not in text
    assert "Labels read the same 1 change" in text
    assert "No label touched New, in no label yet: scooter" in text
    assert "car is called auto town main 1 2 3" in text


def test_changes_of_classes_that_no_branch_holds_are_told_in_short(reader, town) -> None:
    commit_to(town, [ImageChange("c.png", delete=True)])
    edit(town, {"op": "retire", "class": "sky"})
    text = show(reader, town).text
    assert "1 change of classes that these branches hold nothing of" in text
    assert "It holds nothing of the classes that change." in text
    assert HEADS not in text


def test_branches_are_chosen_by_the_address(reader, town) -> None:
    head = commit_to(town, [ImageChange("b.png", delete=True)], branch="main")
    first = head.parents.get()
    create_branch(dataset=town, name="feature/all", head=first, actor=author())
    edit(town, MERGE)
    assert "town main 1 1 1 0 0" in show(reader, town).text
    text = show(reader, town, "?on=town/main&on=town/feature/all").text
    assert "town main 1 1 1 0 0 town feature/all 2 2 3 0 0" in text


@pytest.mark.parametrize(
    "query", ["?on=town/nowhere", "?on=nowhere/main", "?on=%00/x", "?on=secret/main", "?on="]
)
def test_a_branch_that_is_not_there_or_not_shared_is_not_found(reader, town, query: str) -> None:
    commit_to(dataset("secret"), [ImageChange("a.png", label=put_label("2", {2: 2}))])
    edit(town, MERGE)
    assert reader.get(address(town, query)).status_code == 404


def test_a_branch_of_another_taxonomy_is_not_found(reader, town) -> None:
    other = dataset("other")
    commit_to(other, [ImageChange("a.png", label=put_label("2", {2: CAR}))])
    grant_role(
        user=User.objects.get(username="mia"), resource=other, role=Role.READER, actor=author()
    )
    edit(town, MERGE)
    response = reader.get(address(town, "?on=other/main"))
    assert response.status_code == 404
    assert "not read by" in response.content.decode()


def test_a_dataset_that_one_may_not_read_is_not_counted(reader, town) -> None:
    hidden = dataset("hidden", CLASSES)
    Dataset.objects.filter(pk=hidden.pk).update(taxonomy=town.taxonomy)
    edit(town, MERGE)
    assert "hidden" not in show(reader, town).text


def test_a_stranger_is_told_that_there_is_nothing(client, town) -> None:
    edit(town, MERGE)
    client.force_login(User.objects.create_user("stranger"))
    assert client.get(address(town)).status_code == 404


def test_a_draft_that_nobody_edited_says_so(reader, town) -> None:
    assert "Nothing to preview yet" in show(reader, town).text


def test_changes_are_told_where_no_dataset_is_there_to_count(client, town) -> None:
    curator = User.objects.create_user("cleo")
    grant_role(user=curator, resource=town.taxonomy, role=Role.CURATOR, actor=author())
    client.force_login(curator)
    edit(town, MERGE)
    text = show(client, town).text
    assert "No dataset that you see is read by this taxonomy" in text
    assert "van reads as car" in text


def test_the_way_to_publishing_is_for_curators(reader, town) -> None:
    edit(town, MERGE)
    draft = f"/taxonomies/{town.taxonomy.slug}/draft/"
    assert draft in show(reader, town).links
    assert f"{draft}#publish" not in show(reader, town).links
    mia = User.objects.get(username="mia")
    grant_role(user=mia, resource=town.taxonomy, role=Role.CURATOR, actor=author())
    assert f"{draft}#publish" in show(reader, town).links


def test_a_branch_behind_says_what_moving_it_brings_beside(reader, town) -> None:
    publish(town, {"op": "rename", "class": "sky", "name": "heaven"})
    edit(town, MERGE)
    text = show(reader, town).text
    assert "town main is read by version 1: moving it brings 1 earlier change too" in text
    assert "sky is called heaven" in text


def test_a_branch_that_cannot_be_moved_is_warned_of(reader, town) -> None:
    edit(town, MERGE)
    draft = get_draft(town.taxonomy)
    # The labels of the branch have a class that only a later version than the draft's knows.
    publish(town, {"op": "add", "name": "tram", "kind": "thing"})
    newest = town.taxonomy.versions.latest("number")
    tram = newest.classes.get(name="tram").class_id
    commit_to(
        town,
        [ImageChange("t.png", label=put_label("22 22", {2: tram}))],
        taxonomy_version=newest,
    )
    with (
        patch("web.views.taxonomy_preview.get_draft", return_value=draft),
        patch("web.views.taxonomy_preview.preview_operations", side_effect=lambda one: one),
    ):
        text = show(reader, town).text
    assert (
        "town main cannot be moved. Its labels hold classes that this taxonomy lacks: tram (1"
        in (text)
    )


def test_pictures_stand_side_by_side_and_say_what_they_show(reader, town) -> None:
    edit(town, MERGE)
    page = show(reader, town, "?pictures=merged:2")
    shown = [(one["alt"], "taxonomy=" in (one["src"] or "")) for one in page.pictures]
    assert shown == [
        ("b.png with its classes as town main reads now", False),
        ("b.png with its classes as the draft reads them", True),
        ("a.png with its classes as town main reads now", False),
        ("a.png with its classes as the draft reads them", True),
    ]
    assert [reader.get(one["src"]).status_code for one in page.pictures] == [200] * 4


def test_htmx_gets_the_pictures_alone(reader, town) -> None:
    edit(town, MERGE)
    page = show(reader, town, "?pictures=merged:2", HX_Request="true")
    assert (page.headings, len(page.pictures)) == (0, 4)


def test_without_scripts_pictures_are_a_link_away(reader, town) -> None:
    edit(town, MERGE)
    assert address(town, "?pictures=merged%3A2#change-merged-2") in show(reader, town).links


def test_pictures_of_a_change_that_is_gone_are_not_found(reader, town) -> None:
    edit(town, MERGE)
    assert reader.get(address(town, "?pictures=retired:9")).status_code == 404


def test_what_is_being_counted_says_so_and_asks_again_by_itself(reader, town) -> None:
    edit(town, JOIN)
    with patch.object(counting, "IMAGES_AT_ONCE", 0):
        response = reader.get(address(town))
        job = Job.objects.get()
    html = response.content.decode()
    assert 'hx-trigger="every 2s"' in html
    assert f"jobs={job.pk}" in html
    assert f"{HEADS} town main 1 1 2 counting 0" in Page(html).text


def test_while_a_job_runs_its_progress_is_all_that_is_asked(
    reader, town, django_assert_max_num_queries
) -> None:
    edit(town, JOIN)
    with patch.object(counting, "IMAGES_AT_ONCE", 0):
        reader.get(address(town))
        job = Job.objects.get()
        Job.objects.update(state=JobState.RUNNING, done=3, total=9)
        with django_assert_max_num_queries(7):
            page = show(reader, town, asking_for(town, job), HX_Request="true")
    assert "3 of 9" in page.text
    assert "grass" not in page.text


def test_when_the_job_is_done_the_numbers_come(reader, town) -> None:
    edit(town, JOIN)
    with patch.object(counting, "IMAGES_AT_ONCE", 0):
        reader.get(address(town))
        job = Job.objects.get()
        run_job(str(job.pk))
        text = show(reader, town, asking_for(town, job), HX_Request="true").text
    assert "Everything is counted." in text
    assert "road stuff 2 2 2 2 8 10" in text
    assert "counting" not in text


def test_a_job_that_failed_is_said_to_have_and_not_started_again(reader, town) -> None:
    edit(town, JOIN)
    with patch.object(counting, "IMAGES_AT_ONCE", 0):
        reader.get(address(town))
        job = Job.objects.get()
        Job.objects.update(state=JobState.FAILED, problem={"detail": "The disk is full."})
        response = reader.get(address(town, asking_for(town, job)), headers={"HX-Request": "true"})
    assert "The disk is full." in response.content.decode()
    assert "every 2s" not in response.content.decode()
    assert Job.objects.count() == 1


def test_a_draft_that_was_edited_meanwhile_makes_the_page_begin_again(reader, town) -> None:
    edit(town, JOIN)
    with patch.object(counting, "IMAGES_AT_ONCE", 0):
        reader.get(address(town))
        query = asking_for(town, Job.objects.get())
        edit(town, MERGE)
        response = reader.get(address(town, query), headers={"HX-Request": "true"})
    assert response["HX-Refresh"] == "true"


def asking_for(town: Dataset, job: Job) -> str:
    return f"?jobs={job.pk}&revision={get_draft(town.taxonomy).revision}"


def test_the_page_costs_few_queries_whatever_the_number_of_changes(
    reader, town, django_assert_max_num_queries
) -> None:
    edit(town, MERGE, JOIN, {"op": "recolor", "class": "sky", "color": "#123456"})
    edit(town, *({"op": "add", "name": f"new {n}", "kind": "thing"} for n in range(20)))
    reader.get(address(town))
    with django_assert_max_num_queries(13):
        reader.get(address(town))


def test_another_branch_costs_four_queries_more(
    reader, town, django_assert_max_num_queries
) -> None:
    edit(town, MERGE, JOIN)
    head = town.branches.get(name="main").head
    for name in ("x", "y"):
        create_branch(dataset=town, name=name, head=head, actor=author())
    query = "?on=town/main&on=town/x&on=town/y"
    reader.get(address(town, query))
    with django_assert_max_num_queries(13 + 2 * 4 + 1):
        reader.get(address(town, query))


def test_pictures_of_a_change_cost_a_constant_number_of_queries(
    reader, town, django_assert_max_num_queries
) -> None:
    edit(town, MERGE, JOIN)
    with django_assert_max_num_queries(18):
        show(reader, town, "?pictures=merged:2", HX_Request="true")


def test_odd_parameters_are_no_error(reader, town) -> None:
    edit(town, MERGE)
    for query in ("?jobs=odd&revision=x", "?pictures=", "?revision=99999999999999"):
        assert reader.get(address(town, query)).status_code == 200
        assert reader.get(address(town, query), headers={"HX-Request": "true"}).status_code == 200


def test_the_page_has_nothing_inline_one_heading_and_pictures_with_texts(reader, town) -> None:
    edit(town, MERGE, {"op": "flip", "class": "road"})
    page = show(reader, town, "?pictures=merged:2")
    assert (page.inline, page.headings) == ([], 1)
    assert all(one.get("alt") and one.get("width") for one in page.pictures)


def test_posting_to_the_page_is_refused(reader, town) -> None:
    assert reader.post(address(town)).status_code == 405
