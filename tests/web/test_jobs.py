from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from datasets_app.models import Dataset, Job, JobLine, JobState, Worker
from people_app.actions.roles import grant_role
from people_app.models import AuditEvent, User
from people_app.roles import Role
from tests.datasets_app.builders import author
from tests.web.builders import Page, history, member, shared_dataset

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader(client: Client) -> Client:
    client.force_login(member(shared_dataset("town")))
    return client


@pytest.fixture
def admin(reader: Client) -> Client:
    mia = User.objects.get(username="mia")
    grant_role(user=mia, resource=Dataset.objects.get(), role=Role.ADMIN, actor=author())
    return reader


@pytest.fixture
def root(reader: Client) -> Client:
    User.objects.filter(username="mia").update(is_superuser=True)
    return reader


def job(**fields) -> Job:
    return Job.objects.create(dataset=Dataset.objects.get(), **{"kind": "import", **fields})


def running(**fields) -> Job:
    """A job that has done 300 of 900 in the last 20 seconds."""
    now = timezone.now()
    return job(
        state=JobState.RUNNING,
        lease=1,
        done=300,
        total=900,
        marks=[[now.timestamp() - 20, 100]],
        progressed_at=now,
        lease_expires_at=now + timedelta(seconds=30),
        **fields,
    )


def text_of(client: Client, path: str) -> str:
    return Page(client.get(path).content.decode()).text


# ---- the list ------------------------------------------------------------------------


def test_the_list_tells_state_and_progress(reader: Client) -> None:
    job(state=JobState.RUNNING, done=3, total=9, message="images read")
    html = reader.get("/jobs/").content.decode()
    assert "running 3 of 9 images read" in Page(html).text
    assert f'data-live="{Job.objects.get().pk}running ' in html


def test_the_list_tells_how_fast_work_is_and_how_long_it_will_take(reader: Client) -> None:
    running()
    assert re.search(r"10 a second, (59 seconds|1 minute) left", text_of(reader, "/jobs/"))


def test_a_list_where_all_is_settled_asks_for_nothing_more(reader: Client) -> None:
    job(state=JobState.DONE)
    html = reader.get("/jobs/").content.decode()
    assert "data-live" not in html


def test_asking_again_answers_with_the_part_alone(reader: Client) -> None:
    one = job(state=JobState.RUNNING)
    for url in ("/jobs/", f"/jobs/{one.pk}/"):
        html = reader.get(url, headers={"hx-request": "true"}).content.decode()
        assert "running" in html
        assert "<html" not in html


def test_the_list_goes_on_after_a_page(reader: Client) -> None:
    for number in range(52):
        one = job(kind=f"kind-{number:02}")
        Job.objects.filter(pk=one.pk).update(created_at=one.created_at + timedelta(hours=number))
    first = Page(reader.get("/jobs/").content.decode())
    assert "Kind-01" not in first.text
    following = next(link for link in first.links if link.startswith("?after="))
    assert "Kind-01" in text_of(reader, f"/jobs/{following}")


def test_a_list_costs_the_same_for_one_job_and_for_many(
    reader: Client, django_assert_num_queries
) -> None:
    for _ in range(30):
        running()
    with django_assert_num_queries(4):  # session, user, jobs, datasets of the menu
        reader.get("/jobs/")


def test_the_address_says_which_jobs_are_listed(reader: Client) -> None:
    job(kind="import", state=JobState.DONE, requested_by=User.objects.get(username="mia"))
    job(kind="export", state=JobState.RUNNING)
    park = shared_dataset("park", public=True)
    Job.objects.create(kind="leaks", state=JobState.FAILED, dataset=park)

    def kinds(query: str) -> list[str]:
        html = reader.get(f"/jobs/?{query}").content.decode()
        words = {"import": "Import", "export": "Export", "leaks": "Report of leaks"}
        return [kind for kind, word in words.items() if f">{word}</a>" in html]

    assert kinds("") == ["import", "export", "leaks"]
    assert kinds("mine=1") == ["import"]
    assert kinds("kind=leaks") == ["leaks"]
    assert kinds("dataset=town") == ["import", "export"]
    assert kinds("dataset=town&state=at-work") == ["export"]
    assert kinds("state=failed") == ["leaks"]
    assert kinds("state=asleep&kind=%00&dataset=%00") == ["import", "export", "leaks"]


def test_the_next_page_keeps_the_filter(reader: Client) -> None:
    for number in range(51):
        one = job(kind="export")
        Job.objects.filter(pk=one.pk).update(created_at=one.created_at + timedelta(hours=number))
    page = Page(reader.get("/jobs/?kind=export&state=queued").content.decode())
    following = next(link for link in page.links if "after=" in link)
    assert following.startswith("?kind=export&state=queued&after=")
    assert "Export" in text_of(reader, f"/jobs/{following}")


def test_a_filter_without_jobs_says_so(reader: Client) -> None:
    assert "No job matches" in text_of(reader, "/jobs/?kind=splits")


def test_the_bar_is_told_how_many_jobs_of_ones_own_are_under_way(
    reader: Client, django_assert_num_queries
) -> None:
    mia = User.objects.get(username="mia")
    for state in JobState:
        job(state=state, requested_by=mia)
    job(state=JobState.RUNNING)  # of somebody else
    with django_assert_num_queries(3):  # session, user, count
        assert reader.get("/jobs/mine.json").json() == {"at_work": 2}
    with django_assert_num_queries(0):
        assert Client().get("/jobs/mine.json").json() == {"at_work": 0}


# ---- one job ---------------------------------------------------------------------------


def test_a_failed_job_says_why(reader: Client) -> None:
    one = job(state=JobState.FAILED, problem={"code": "malformed_file", "detail": "a.json ends"})
    assert "a.json ends" in text_of(reader, f"/jobs/{one.pk}/")


def test_a_page_shows_what_was_asked_and_the_newest_lines_of_the_log(reader: Client) -> None:
    one = job(arguments={"format": "coco_panoptic", "upload": "ab" * 32, "message": "May"})
    JobLine.objects.bulk_create(JobLine(job=one, message=f"line {n}.") for n in range(150))
    page = Page(reader.get(f"/jobs/{one.pk}/").content.decode())
    assert "format COCO panoptic message May" in page.text
    assert "abab" not in page.text
    assert "line 49." not in page.text
    assert page.text.index("line 50.") < page.text.index("line 149.")
    assert f"/api/v1/jobs/{one.pk}/log/" in page.links


def test_a_finished_export_leads_to_its_file(reader: Client) -> None:
    result = {"digest": "ab" * 32, "file_name": "town-v1.zip", "images": 1, "size_bytes": 2_500_000}
    one = job(kind="export", state=JobState.DONE, result=result, finished_at=timezone.now())
    page = Page(reader.get(f"/jobs/{one.pk}/").content.decode())
    assert "town-v1.zip: 1 image, 2.5 MB." in page.text
    assert f"/api/v1/jobs/{one.pk}/download/" in page.links


def test_a_file_that_is_not_kept_any_more_is_not_offered(reader: Client) -> None:
    result = {"digest": "ab" * 32, "file_name": "town-v1.zip", "images": 1, "size_bytes": 25}
    long_ago = timezone.now() - timedelta(days=31)
    one = job(kind="export", state=JobState.DONE, result=result, finished_at=long_ago)
    page = Page(reader.get(f"/jobs/{one.pk}/").content.decode())
    assert "not kept any more" in page.text
    assert f"/api/v1/jobs/{one.pk}/download/" not in page.links


def test_a_finished_import_leads_to_its_version(reader: Client) -> None:
    version, _ = history(Dataset.objects.get())
    result = {
        "version": {"id": version.id_hex, "number": 1},
        "images": {"added": 1_200, "changed": 0, "removed": 0, "unchanged": 3},
        "problem_count": 2,
        "dry_run": False,
    }
    one = job(state=JobState.DONE, result=result, finished_at=timezone.now())
    page = Page(reader.get(f"/jobs/{one.pk}/").content.decode())
    assert "The import is done." in page.text
    assert "What it changed added 1,200 changed 0 removed 0 unchanged 3" in page.text
    assert f"/datasets/town/versions/{version.id_hex}/" in page.links


def test_a_page_costs_the_same_for_a_short_log_and_for_a_long_one(
    reader: Client, django_assert_num_queries
) -> None:
    one = running()
    JobLine.objects.bulk_create(JobLine(job=one, message=f"line {n}") for n in range(400))
    with django_assert_num_queries(5):  # session, user, job, lines, role
        reader.get(f"/jobs/{one.pk}/")


def test_a_trial_tells_what_would_change_and_where_problems_are(admin: Client) -> None:
    problems = [
        {"code": "x", "message": "it is dim", "image": "a.png", "severity": "warning"},
        {
            "code": "y",
            "message": "/tmp/tessera-job-ab12/unpacked/b.png ends",
            "file": "/tmp/tessera-job-ab12/unpacked/b.png",
            "image": "b",
            "segment": 7,
            "severity": "error",
        },
    ]
    result = {
        "version": None,
        "dry_run": True,
        "images": {"added": 12, "changed": 3, "removed": 1, "unchanged": 0, "conflicting": 0},
        "segments": 40,
        "unknown_classes": ["zebra"],
        "problem_count": 2,
        "problems": problems,
    }
    one = job(state=JobState.DONE, result=result, finished_at=timezone.now())
    page = Page(admin.get(f"/jobs/{one.pk}/").content.decode())
    assert "What it would change added 12 changed 3 removed 1" in page.text
    # Errors first; where a worker unpacked the files is not told.
    assert "2 problems What File Image Segment error b.png ends b.png b 7 warning" in page.text
    assert "tessera-job" not in page.text
    assert "Nothing in the taxonomy stands for zebra" in page.text
    assert "The trial found errors." in page.text
    assert "Import it" not in page.text
    assert f"/datasets/town/import/?tried={one.pk}" in page.links


def test_a_trial_without_errors_is_imported_by_one_button(admin: Client) -> None:
    result = {"dry_run": True, "images": {"added": 1}, "problems": [], "problem_count": 0}
    one = job(state=JobState.DONE, result=result, finished_at=timezone.now())
    html = admin.get(f"/jobs/{one.pk}/").content.decode()
    assert f'name="tried" value="{one.pk}"' in html
    assert "Import it" in Page(html).text


def test_an_import_that_was_refused_tells_every_error(admin: Client) -> None:
    errors = [
        {"code": "e", "message": f"bad {n}", "image": f"{n}.png", "severity": "error"}
        for n in range(250)
    ]
    problem = {"code": "import_refused", "detail": "0.png: bad 0", "errors": errors}
    one = job(state=JobState.FAILED, problem=problem, finished_at=timezone.now())
    text = text_of(admin, f"/jobs/{one.pk}/")
    assert "250 problems The first 200, errors before warnings" in text
    assert "bad 199" in text
    assert "bad 200" not in text


# ---- cancelling, and trying again --------------------------------------------------------


def test_readers_are_offered_neither(reader: Client) -> None:
    for one, act in ((running(), "cancel"), (job(state=JobState.FAILED), "retry")):
        assert f"/jobs/{one.pk}/{act}/" not in reader.get(f"/jobs/{one.pk}/").content.decode()
        assert reader.post(f"/jobs/{one.pk}/{act}/").status_code == 403


def test_an_admin_cancels_a_job_without_scripts(admin: Client) -> None:
    one = running()
    assert f'action="/jobs/{one.pk}/cancel/"' in admin.get(f"/jobs/{one.pk}/").content.decode()

    html = admin.post(f"/jobs/{one.pk}/cancel/", follow=True).content.decode()

    assert "asked to stop" in Page(html).text
    assert "/cancel/" not in html


def test_a_job_that_ended_first_cannot_be_cancelled(admin: Client) -> None:
    one = job(state=JobState.DONE)
    html = admin.post(f"/jobs/{one.pk}/cancel/", follow=True).content.decode()
    assert "It had ended before" in Page(html).text


def test_an_admin_has_a_job_done_again(admin: Client) -> None:
    one = job(state=JobState.FAILED, problem={"code": "x", "detail": "it broke"})
    assert f'action="/jobs/{one.pk}/retry/"' in admin.get(f"/jobs/{one.pk}/").content.decode()

    html = admin.post(f"/jobs/{one.pk}/retry/", follow=True).content.decode()

    assert "waiting for a worker" in Page(html).text
    assert AuditEvent.objects.filter(verb="job.retried", actor__username="mia").count() == 1


def test_why_it_cannot_be_done_again_is_said(admin: Client) -> None:
    one = job(state=JobState.FAILED, arguments={"upload": "ab" * 32})
    html = admin.post(f"/jobs/{one.pk}/retry/", follow=True).content.decode()
    assert "It was not tried again: the file that this job" in Page(html).text


def test_acts_need_a_form(admin: Client) -> None:
    one = running()
    for act in ("cancel", "retry"):
        assert admin.get(f"/jobs/{one.pk}/{act}/").status_code == 405


def test_jobs_of_others_are_not_there(client: Client) -> None:
    shared_dataset("town")
    client.force_login(User.objects.create_user("stranger"))
    one = running()
    assert client.get(f"/jobs/{one.pk}/").status_code == 404
    assert client.post(f"/jobs/{one.pk}/cancel/").status_code == 404


# ---- workers -----------------------------------------------------------------------------


def test_superusers_see_the_workers(root: Client) -> None:
    Worker.objects.create(name="a:1:1", host="gpu-3", pid=17, job=running())
    silent = timezone.now() - timedelta(minutes=5)
    Worker.objects.create(name="b:2:2", host="gpu-4", pid=18, heartbeat_at=silent)

    text = text_of(root, "/jobs/")

    assert "gpu-3 process 17 Import" in text
    assert "gpu-4 process 18 silent" in text


def test_superusers_are_told_that_nobody_works(root: Client) -> None:
    assert "No worker is running" in text_of(root, "/jobs/")


def test_others_do_not_see_workers(admin: Client) -> None:
    Worker.objects.create(name="a:1:1", host="gpu-3", pid=17)
    assert "gpu-3" not in text_of(admin, "/jobs/")
