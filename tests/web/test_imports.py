from __future__ import annotations

import io
import re
import zipfile

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from datasets_app.jobs.roots import UPLOADS_KEPT
from datasets_app.models import Branch, Dataset, Job, JobState
from panoptic.formats.registry import FORMATS
from people_app.actions.roles import grant_role
from people_app.models import AuditEvent, User
from people_app.roles import Role
from store_app.models import Upload
from tests.datasets_app.builders import author
from tests.web.builders import Page, history, member, shared_dataset
from tests.web.import_files import masks
from web.import_forms import READ_OPTIONS

# Jobs run at once here, as soon as what asks for them is committed.
pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/datasets/town/import/"


@pytest.fixture
def town() -> Dataset:
    return shared_dataset("town")


@pytest.fixture
def annotator(client: Client, town: Dataset) -> Client:
    grant_role(user=member(town), resource=town, role=Role.ANNOTATOR, actor=author())
    client.force_login(User.objects.get(username="mia"))
    return client


def archive(files: dict[str, bytes] | None = None) -> SimpleUploadedFile:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as target:
        for name, content in (files or masks()).items():
            target.writestr(name, content)
    return SimpleUploadedFile("cells.zip", buffer.getvalue(), "application/zip")


def ask(client: Client, act: str = "import", **fields):
    body = {
        "format": "instance_masks",
        "class_name": "car",
        "mode": "append",
        "branch": "main",
        "on_overlap": "small",
        "act": act,
        **fields,
    }
    return client.post(PAGE, body)


def sent(client: Client, content: bytes) -> str:
    """Send a file as the page does: by the API, with the session and the token of the form."""
    uploads = "/api/v1/datasets/town/uploads/"
    tus = {"Tus-Resumable": "1.0.0"}
    made = client.generic("POST", uploads, headers={**tus, "Upload-Length": str(len(content))})
    client.patch(
        made["Location"],
        content,
        content_type="application/offset+octet-stream",
        headers={**tus, "Upload-Offset": "0"},
    )
    return str(made.json()["id"])


def head_number() -> int | None:
    head = Branch.objects.get(dataset__slug="town", name="main").head
    return head.number if head else None


# ---- the form ----------------------------------------------------------------------------


def test_the_first_view_costs_few_queries(annotator, town, django_assert_max_num_queries) -> None:
    history(town)
    with django_assert_max_num_queries(10):
        html = annotator.get(PAGE).content.decode()
    assert "COCO panoptic" in Page(html).text
    assert Page(html).inline == []


def test_readers_are_refused_and_strangers_find_nothing(client: Client, town: Dataset) -> None:
    client.force_login(member(town))
    assert client.get(PAGE).status_code == 403
    client.force_login(User.objects.create_user("stranger"))
    assert client.get(PAGE).status_code == 404


def test_the_tab_is_there_for_those_who_may_import(annotator: Client, town: Dataset) -> None:
    history(town)
    assert PAGE in Page(annotator.get("/datasets/town/exports/").content.decode()).links
    reader = Client()
    reader.force_login(member(town, "rita"))
    assert PAGE not in Page(reader.get("/datasets/town/exports/").content.decode()).links


def test_a_form_without_files_is_told_so(annotator: Client) -> None:
    answer = ask(annotator)
    assert answer.status_code == 422
    assert "Choose what is to be imported" in Page(answer.content.decode()).text
    assert not Job.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [("format", ""), ("format", "tar"), ("branch", "nowhere"), ("mode", "burn"),
     ("taxonomy", "other@1"), ("split", "\x00"), ("path", "../etc"), ("labels", "/etc"),
     ("upload", "00000000-0000-0000-0000-000000000000"), ("upload", "x")],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_beside_its_field(annotator, field, value) -> None:
    answer = ask(
        annotator, **{"file": archive(), field: value} if field != "upload" else {field: value}
    )
    assert answer.status_code == 422
    assert "field-problem" in answer.content.decode()
    assert not Job.objects.exists()


def test_a_file_that_is_too_large_for_a_form_is_refused(annotator: Client, settings) -> None:
    settings.TESSERA_FORM_LIMIT_BYTES = 100
    answer = ask(annotator, file=archive())
    assert answer.status_code == 422
    assert "takes 0 MiB at most" in Page(answer.content.decode()).text


def test_only_formats_that_are_read_and_all_their_options_are_there(annotator: Client) -> None:
    html = annotator.get(PAGE).content.decode()
    assert '<option value="auto" selected>Recognise it</option>' in html
    for form in FORMATS.values():
        assert (f'<option value="{form.name}">' in html) == form.is_read
        for option in form.read_options:
            name = READ_OPTIONS.name_of(form.name, option.name)
            assert re.search(rf'data-formats="[^"]*\b{form.name}\b[^"]*">.*?name="{name}"', html)


# ---- importing -----------------------------------------------------------------------------


def test_a_zip_in_a_form_becomes_a_version(annotator: Client) -> None:
    answer = ask(annotator, file=archive(), split="train", message="Cells")
    job = Job.objects.get()
    assert answer["Location"] == f"/jobs/{job.pk}/"
    assert (job.state, head_number()) == (JobState.DONE, 1)
    text = Page(annotator.get(f"/jobs/{job.pk}/").content.decode()).text
    assert "What it changed added 1" in text
    event = AuditEvent.objects.get(verb="job.enqueued")
    assert event.actor == User.objects.get(username="mia")


def test_what_is_recognised_is_told_with_the_reason(annotator: Client) -> None:
    ask(annotator, act="try", format="auto", file=archive())
    page = Page(annotator.get(f"/jobs/{Job.objects.get().pk}/").content.decode())
    assert "The files were read as Instance masks: cells/masks is a folder of masks." in page.text


def test_what_is_not_recognised_is_told(annotator: Client) -> None:
    ask(annotator, format="auto", file=archive({"a.txt": b"", "b.txt": b""}))
    text = Page(annotator.get(f"/jobs/{Job.objects.get().pk}/").content.decode()).text
    assert "with a.txt, b.txt, looks like no format that is read" in text


def test_options_of_the_format_are_kept_for_the_next_trial(annotator: Client) -> None:
    [form] = [one for one in FORMATS.values() if one.name == "sceneparsing"]
    option = next(one for one in form.read_options if one.choices)
    name, value = READ_OPTIONS.name_of(form.name, option.name), option.choices[-1]
    ask(
        annotator, act="try", format=form.name, file=archive(), classes="names.csv", **{name: value}
    )
    trial = Job.objects.get()
    assert (trial.arguments["options"], trial.arguments["classes"]) == (
        {option.name: value},
        "names.csv",
    )
    html = annotator.get(f"{PAGE}?tried={trial.pk}").content.decode()
    assert f'<option value="{value}" selected>' in html
    assert (
        f"{option.name} {value}" in Page(annotator.get(f"/jobs/{trial.pk}/").content.decode()).text
    )


def test_a_trial_changes_nothing_and_one_button_imports_it(annotator: Client) -> None:
    tried = annotator.get(ask(annotator, act="try", file=archive())["Location"])
    assert head_number() is None
    assert "Nothing was changed by it." in Page(tried.content.decode()).text
    trial = Job.objects.get()

    first = annotator.post(PAGE, {"act": "as-tried", "tried": trial.pk})
    again = annotator.post(PAGE, {"act": "as-tried", "tried": trial.pk})

    assert first["Location"] == again["Location"] != f"/jobs/{trial.pk}/"
    assert head_number() == 1


def test_a_trial_can_be_gone_on_from_with_other_options(annotator: Client) -> None:
    ask(annotator, act="try", file=archive(), split="train")
    trial = Job.objects.get()
    html = annotator.get(f"{PAGE}?tried={trial.pk}").content.decode()
    assert 'value="train"' in html
    ask(annotator, tried=str(trial.pk), split="val")
    job = Job.objects.exclude(pk=trial.pk).get()
    assert (job.arguments["split"], job.arguments["upload"]) == ("val", trial.arguments["upload"])
    assert head_number() == 1


def test_an_upload_becomes_a_version_and_the_same_form_asks_once(annotator: Client) -> None:
    upload = sent(annotator, archive().read())
    token = re.search(r'name="token" value="(\w+)"', annotator.get(PAGE).content.decode())[1]
    first = ask(annotator, upload=upload, token=token)
    again = ask(annotator, upload=upload, token=token)
    other = ask(annotator, upload=upload, token=token, mode="update")
    assert first["Location"] == again["Location"] != other["Location"]
    assert head_number() == 1


def test_uploads_need_the_token_of_the_form(town: Dataset) -> None:
    browser = Client(enforce_csrf_checks=True)
    grant_role(user=member(town), resource=town, role=Role.ANNOTATOR, actor=author())
    browser.force_login(User.objects.get(username="mia"))
    html = browser.get(PAGE).content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', html)[1]
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "3"}
    uploads = "/api/v1/datasets/town/uploads/"
    assert browser.generic("POST", uploads, headers=headers).status_code == 403
    made = browser.generic("POST", uploads, headers={**headers, "X-CSRFToken": token})
    assert made.status_code == 201
    piece = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0"}
    sent = {"data": b"abc", "content_type": "application/offset+octet-stream"}
    assert browser.patch(made["Location"], **sent, headers=piece).status_code == 403
    piece["X-CSRFToken"] = token
    assert browser.patch(made["Location"], **sent, headers=piece).status_code == 204


def test_uploads_of_others_cannot_be_imported(annotator: Client, town: Dataset) -> None:
    upload = sent(annotator, archive().read())
    owner = Client()
    owner.force_login(member(town, "olga"))
    grant_role(
        user=User.objects.get(username="olga"), resource=town, role=Role.ADMIN, actor=author()
    )
    answer = ask(owner, upload=upload)
    assert answer.status_code == 422
    assert "not kept any more" in Page(answer.content.decode()).text


def test_an_upload_that_is_not_complete_is_told_so(annotator: Client) -> None:
    upload = sent(annotator, b"abc")
    Upload.objects.filter(pk=upload).update(size=5, digest=None)
    answer = ask(annotator, upload=upload)
    assert "bytes are missing" in Page(answer.content.decode()).text


def test_trials_of_others_are_theirs(annotator: Client, town: Dataset) -> None:
    ask(annotator, act="try", file=archive())
    trial = Job.objects.get()
    other = Client()
    other.force_login(member(town, "otto"))
    grant_role(
        user=User.objects.get(username="otto"), resource=town, role=Role.ANNOTATOR, actor=author()
    )
    assert other.post(PAGE, {"act": "as-tried", "tried": trial.pk}).status_code == 404
    html = other.get(f"{PAGE}?tried={trial.pk}").content.decode()
    assert "are used again" not in Page(html).text
    assert f"/jobs/{trial.pk}/" not in html


def test_files_that_are_gone_are_asked_for_again(annotator: Client) -> None:
    ask(annotator, act="try", file=archive())
    trial = Job.objects.get()
    Job.objects.update(
        arguments={**trial.arguments, "upload": "ab" * 32},
        finished_at=timezone.now() - UPLOADS_KEPT,
    )
    answer = annotator.post(PAGE, {"act": "as-tried", "tried": trial.pk}, follow=True)
    assert "choose them again" in Page(answer.content.decode()).text
    assert "not kept any more" in Page(ask(annotator, tried=str(trial.pk)).content.decode()).text


def test_what_is_wrong_names_file_image_and_segment(annotator: Client) -> None:
    ask(annotator, file=archive({"cells/masks/one.png": b"no picture"}))
    job = Job.objects.get()
    text = Page(annotator.get(f"/jobs/{job.pk}/").content.decode()).text
    assert job.state == JobState.FAILED
    assert "1 problem What File Image Segment error" in text
    assert "one.png" in text
    assert "tessera-job" not in text
