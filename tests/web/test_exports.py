from __future__ import annotations

import io
import re
import zipfile
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from datasets_app.models import Dataset, Job, JobState
from datasets_app.staging import ImageChange
from panoptic.formats.recognition import writable_formats
from people_app.models import AuditEvent, User
from tests.api.builders import body_of, put_layered
from tests.datasets_app.builders import commit_to
from tests.web.builders import Page, history, member, shared_dataset
from web.export_forms import WRITE_OPTIONS

# Jobs run at once here, as soon as what asks for them is committed.
pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/datasets/town/exports/"


@pytest.fixture
def town() -> Dataset:
    dataset = shared_dataset("town")
    history(dataset)
    return dataset


@pytest.fixture
def reader(client: Client, town: Dataset) -> Client:
    client.force_login(member(town))
    return client


def ask(client: Client, **fields):
    body = {
        "version": "main",
        "format": "coco_panoptic",
        "option_geometry": "rle",
        "option_scheme": "",
        **fields,
    }
    return client.post(PAGE, body)


def text_of(client: Client, path: str = PAGE) -> str:
    return Page(client.get(path).content.decode()).text


def test_readers_ask_for_an_export_and_download_it(reader: Client) -> None:
    answer = ask(reader)
    job = Job.objects.get()
    assert answer["Location"] == f"{PAGE}#export-{job.pk}"
    html = reader.get(PAGE).content.decode()
    page = Page(html)
    assert "v2 COCO panoptic 3 images, 4 segments" in page.text
    assert job.result["digest"][:10] in page.text
    assert "mia" in page.text
    assert page.inline == []
    download = reader.get(f"/api/v1/jobs/{job.pk}/download/", headers={"Range": "bytes=0-"})
    assert f"/api/v1/jobs/{job.pk}/download/" in page.links
    names = zipfile.ZipFile(io.BytesIO(body_of(download))).namelist()
    assert "panoptic.json" in names
    assert AuditEvent.objects.filter(verb="job.enqueued", actor__username="mia").count() == 1


def test_it_may_be_a_tar_with_options_and_tells_what_it_lost(reader: Client, town: Dataset) -> None:
    layered = put_layered()
    commit_to(town, [ImageChange("layered.png", label=layered)])
    ask(reader, archive="tar", option_scheme="", format="coco_panoptic")
    job = Job.objects.get()
    text = text_of(reader)
    lost = f"{job.result['lost']['hidden_pixels']} pixels hidden under others"
    assert f"not carried: {lost}" in text
    assert "archive tar" in text
    assert f"The format does not carry {lost}." in text_of(reader, f"/jobs/{job.pk}/")
    assert job.result["file_name"].endswith(".tar")


def test_every_option_is_there_without_scripts_and_of_the_chosen_format_counts(
    reader: Client,
) -> None:
    html = reader.get(PAGE).content.decode()
    for form in writable_formats():
        assert f'<option value="{form.name}"' in html
        for option in form.write_options:
            name = WRITE_OPTIONS.name_of(form.name, option.name)
            assert re.search(rf'data-formats="[^"]*\b{form.name}\b[^"]*">.*?name="{name}"', html)
    ask(reader, option_geometry="polygon", option_photos="yes")  # neither is of this format
    assert Job.objects.get().arguments["options"] == {}


def test_an_export_that_is_there_is_found(reader: Client) -> None:
    ask(reader)
    answer = ask(reader, version="v2")  # the same version by another name
    assert Job.objects.count() == 1
    page = reader.get(PAGE)
    assert answer["Location"] == f"{PAGE}#export-{Job.objects.get().pk}"
    assert "This export is there already" in Page(page.content.decode()).text


def test_another_filter_or_option_is_another_export(reader: Client) -> None:
    ask(reader)
    ask(reader, filter="split:val")
    ask(reader, format="coco_instances", option_geometry="polygon")
    text = text_of(reader)
    assert Job.objects.count() == 3
    assert "filter split:val" in text
    assert "geometry polygon" in text


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("filter", "class:zebra", "no class 'zebra'"),
        ("version", "v99", "v99"),
        ("version", "\x00", ""),
        ("format", "tar", "tar is not one of the available choices"),
        ("option_geometry", "dots", "dots is not one of the available choices"),
        ("taxonomy", "nowhere@7", "nowhere@7"),
    ],
)
def test_what_makes_no_sense_is_refused_beside_its_field(reader, field, value, said) -> None:
    answer = ask(reader, **{field: value})
    assert answer.status_code == 422
    html = answer.content.decode()
    assert f'id="export-{field}_error"' in html
    assert said in Page(html).text
    assert not Job.objects.exists()


def test_an_address_fills_the_form(reader: Client) -> None:
    html = reader.get(f"{PAGE}?version=v1&filter=class:car&format=instance_masks").content.decode()
    assert 'value="v1"' in html
    assert 'value="class:car"' in html
    assert '<option value="instance_masks" selected>' in html


def test_a_file_that_is_not_kept_any_more_is_not_offered(reader: Client) -> None:
    ask(reader)
    Job.objects.update(finished_at=timezone.now() - timedelta(days=31))
    page = Page(reader.get(PAGE).content.decode())
    assert "not kept any more" in page.text
    assert not [link for link in page.links if link.endswith("/download/")]


def test_an_export_under_way_tells_its_progress_again_and_again(reader: Client) -> None:
    ask(reader)
    Job.objects.update(state=JobState.RUNNING, done=1, total=3, message="images written")
    html = reader.get(PAGE).content.decode()
    assert "1 of 3 images written" in Page(html).text
    assert "data-live=" in html
    part = reader.get(PAGE, headers={"HX-Request": "true"}).content.decode()
    assert 'id="exports"' in part
    assert "<html" not in part


def test_one_that_failed_says_why(reader: Client) -> None:
    ask(reader)
    Job.objects.update(state=JobState.FAILED, problem={"code": "x", "detail": "the disk is full"})
    assert "failed the disk is full" in text_of(reader)


def test_the_first_view_costs_the_same_for_one_export_and_for_many(
    reader: Client, town: Dataset, django_assert_max_num_queries
) -> None:
    ask(reader)
    one = Job.objects.get()
    for number in range(40):
        Job.objects.create(
            kind="export",
            dataset=town,
            arguments=one.arguments,
            result=one.result,
            state=JobState.DONE,
            requested_by=User.objects.get(username="mia"),
            finished_at=timezone.now() - timedelta(hours=number),
        )
    with django_assert_max_num_queries(10):
        page = Page(reader.get(PAGE).content.decode())
    following = next(link for link in page.links if link.startswith("?after="))
    assert "v2" in text_of(reader, f"{PAGE}{following}")


def test_a_dataset_without_a_version_says_what_comes_first(client: Client) -> None:
    client.force_login(member(shared_dataset("bare")))
    assert "Nothing to export yet" in text_of(client, "/datasets/bare/exports/")


def test_who_is_not_signed_in_is_led_to_it(client: Client) -> None:
    history(shared_dataset("town", public=True))
    assert "Sign in to export versions" in text_of(client)
    assert ask(client)["Location"].startswith("/sign-in/")
    assert not Job.objects.exists()


def test_strangers_find_nothing(client: Client, town: Dataset) -> None:
    client.force_login(User.objects.create_user("stranger"))
    assert client.get(PAGE).status_code == 404
    assert ask(client).status_code == 404
