"""Files come in and go out in a real browser: folders, uploads that break off, jobs that move."""

from __future__ import annotations

import base64
import io
import re
import tarfile
import zipfile
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Page, Route, expect

from datasets_app.models import Branch, Dataset, Job, JobState
from panoptic.archives.members import ArchiveLimits
from panoptic.archives.zips import check_directory
from people_app.actions.roles import grant_role
from people_app.models import User
from people_app.roles import Role
from store_app.models import Upload
from tests.browser.activity import TRIAL, is_piece, offsets_of, running_job, weight, zip_of
from tests.browser.steps import sign_in, until, violations
from tests.datasets_app.builders import author
from tests.web.builders import history, shared_dataset
from tests.web.import_files import masks

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

IMPORT, EXPORTS = "/datasets/town/import/", "/datasets/town/exports/"
PIECE = 256  # bytes, so that a folder of two small files is some pieces


@pytest.fixture
def town(live_server, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    monkeypatch.setattr("web.views.imports._PIECE_BYTES", PIECE)
    dataset = shared_dataset("town")
    alma = User.objects.create_user("alma", password="correct horse")
    grant_role(user=alma, resource=dataset, role=Role.ADMIN, actor=author())
    return dataset


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of instance masks, with a file that no one wants in it."""
    root = tmp_path / "lab"
    for name, content in {**masks(), ".DS_Store": b"x"}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def fill_options(page: Page) -> None:
    page.get_by_label("Format").select_option("instance_masks")
    page.get_by_label("Class of every segment").fill("car")


def head_number() -> int | None:
    head = Branch.objects.get(dataset__slug="town", name="main").head
    return head.number if head else None


def test_a_folder_is_tried_imported_and_seen(town: Dataset, folder: Path, page: Page) -> None:
    sign_in(page, "alma", IMPORT)
    page.locator("[data-folder]").set_input_files(folder)
    expect(page.locator("[data-size]")).to_contain_text("2 files, 4")
    expect(page.locator("[data-size]")).to_contain_text("1 hidden file left out")
    expect(page.locator("[data-numbers]")).to_contain_text("are there")
    fill_options(page)
    page.get_by_role("button", name="Try it first").click()
    expect(page.locator(".count-added dd")).to_have_text("1")
    assert head_number() is None
    page.get_by_role("button", name="Import it").click()
    expect(page.get_by_text("What it changed")).to_be_visible()
    page.get_by_role("link", name="Show the version").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("v1")
    assert Upload.objects.count() == 1


def test_a_drop_is_sent_and_the_form_waits_for_it(town: Dataset, page: Page) -> None:
    sign_in(page, "alma", IMPORT)
    fill_options(page)
    held: list[Route] = []
    page.route("**/uploads/*/", lambda route: held.append(route) if not held else route.continue_())
    [(name, content), _] = masks().items()
    encoded = base64.b64encode(zip_of({name: content})).decode()
    dropped = page.evaluate_handle(
        """text => {
            const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], "cells.zip"));
            return transfer;
        }""",
        encoded,
    )
    page.dispatch_event("[data-zone]", "dragenter", {"dataTransfer": dropped})
    expect(page.locator("[data-zone]")).to_have_class(re.compile("is-over"))
    page.dispatch_event("[data-zone]", "drop", {"dataTransfer": dropped})
    expect(page.locator("[data-name]")).to_have_text("cells.zip")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.locator("[data-waiting]")).to_have_text("The import begins when all is sent.")
    until(page, lambda: bool(held))
    held[0].continue_()
    expect(page.get_by_text("What it changed")).to_be_visible()
    assert head_number() == 1


def test_an_upload_that_breaks_off_goes_on_where_it_was(
    town: Dataset, folder: Path, page: Page, complaints: list[str]
) -> None:
    pieces = offsets_of(page)
    sign_in(page, "alma", IMPORT)
    broken: list[str] = []

    def break_second(route: Route) -> None:
        offset = route.request.headers.get("upload-offset", "")
        if offset == str(PIECE) and not broken:
            broken.append(offset)
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/uploads/*/", break_second)
    page.locator("[data-folder]").set_input_files(folder)
    expect(page.locator("[data-numbers]")).to_contain_text("The connection is lost")
    expect(page.locator("[data-numbers]")).to_contain_text("are there")
    assert pieces[:3] == [0, PIECE, PIECE]
    assert Upload.objects.count() == 1
    # The browser says of itself that a connection was reset.
    assert all("ERR_CONNECTION_RESET" in complaint for complaint in complaints)
    complaints.clear()


def test_an_upload_goes_on_after_the_page_was_closed(
    town: Dataset, folder: Path, page: Page
) -> None:
    pieces = offsets_of(page)
    sign_in(page, "alma", IMPORT)

    holds = [True]

    def hold_second(route: Route) -> None:
        if not holds or route.request.headers.get("upload-offset") != str(PIECE):
            route.continue_()

    page.route("**/uploads/*/", hold_second)
    page.locator("[data-folder]").set_input_files(folder)
    expect(page.locator("[data-numbers]")).to_contain_text(f"{PIECE} bytes of")
    page.get_by_role("button", name="Pause").click()
    expect(page.locator("[data-numbers]")).to_have_text("Paused")

    holds.clear()  # without a route the browser would let go what is held
    page.reload()
    notice = page.locator("[data-unfinished]")
    expect(notice).to_contain_text(f"“lab” was sent in part: {PIECE} bytes of")
    pieces.clear()
    page.locator("[data-folder]").set_input_files(folder)
    expect(page.locator("[data-numbers]")).to_contain_text("are there")
    expect(notice).to_be_hidden()
    assert pieces[0] == PIECE
    upload = Upload.objects.get()
    fill_options(page)
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("What it changed")).to_be_visible()
    assert Job.objects.get(kind="import").arguments["upload"] == bytes(upload.digest).hex()


def test_an_upload_that_was_begun_can_be_forgotten(town: Dataset, folder: Path, page: Page) -> None:
    sign_in(page, "alma", IMPORT)
    page.route(
        "**/uploads/*/",
        lambda route: route.abort() if is_piece(route.request) else route.continue_(),
    )
    page.evaluate(
        """async ({address, token}) => {
            const headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "9", "X-CSRFToken": token};
            const made = await fetch(address, {method: "POST", headers});
            const url = made.headers.get("Location");
            const value = {url, name: "lab.zip", size: 9, fingerprint: "x"};
            localStorage.setItem(`tessera.upload:${address}`, JSON.stringify(value));
        }""",
        {
            "address": "/api/v1/datasets/town/uploads/",
            "token": page.locator("form.import [name=csrfmiddlewaretoken]").input_value(),
        },
    )
    page.reload()
    with page.expect_response(lambda answer: answer.request.method == "DELETE"):
        page.get_by_role("button", name="Forget it").click()
    expect(page.locator("[data-unfinished]")).to_be_hidden()
    expect(page.locator("[data-folder]")).to_be_focused()
    assert page.evaluate("localStorage.length") == 0
    assert not Upload.objects.exists()


def test_only_the_options_of_the_chosen_format_are_shown(town: Dataset, page: Page) -> None:
    history(town)
    sign_in(page, "alma", EXPORTS)
    page.get_by_label("Format").select_option("coco_panoptic")
    expect(page.get_by_label("Option scheme")).to_be_visible()
    expect(page.get_by_label("Option geometry")).to_be_hidden()
    page.get_by_label("Format").select_option("coco_instances")
    expect(page.get_by_label("Option geometry")).to_be_visible()
    page.goto(page.url.replace("exports", "import"))
    expect(page.get_by_label("Class of every segment")).to_be_visible()
    page.get_by_label("Format").select_option("sceneparsing")
    expect(page.get_by_label("Class of every segment")).to_be_hidden()
    expect(page.get_by_label("Option zero")).to_be_visible()
    page.get_by_text("Where the files lie").click()
    expect(page.get_by_label("Where segments overlap")).to_be_hidden()
    page.get_by_label("Format").select_option("coco_instances")
    expect(page.get_by_label("Where segments overlap")).to_be_visible()
    expect(page.get_by_label("Folder of label pictures")).to_be_hidden()


def test_a_tar_is_sent_as_it_is_and_recognised(
    town: Dataset, folder: Path, tmp_path: Path, page: Page
) -> None:
    with tarfile.open(tmp_path / "cells.tar.gz", "w:gz") as archive:
        archive.add(folder, "lab")
    sign_in(page, "alma", IMPORT)
    page.locator("[data-archive]").set_input_files(tmp_path / "cells.tar.gz")
    expect(page.locator("[data-numbers]")).to_contain_text("are there")
    page.get_by_label("Class of every segment").fill("car")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("were read as Instance masks")).to_be_visible()
    assert head_number() == 1


def test_a_folder_without_files_is_told_so(town: Dataset, tmp_path: Path, page: Page) -> None:
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / ".hidden").write_bytes(b"x")
    sign_in(page, "alma", IMPORT)
    page.locator("[data-folder]").set_input_files(tmp_path / "bare")
    expect(page.get_by_role("alert")).to_have_text("There is no file in it.")


def test_any_ranges_of_an_archive_are_one_zip(town: Dataset, page: Page) -> None:
    sign_in(page, "alma", IMPORT)
    text = page.evaluate(
        """async (step) => {
            const { Archive } = await import("/static/web/archive.js");
            const files = ["b/ü.txt", "a.txt", "empty"].map((path, n) => ({
                path,
                file: new File([path === "empty" ? "" : "tessera ".repeat(40 + n)], "x"),
            }));
            const archive = new Archive(files);
            let bytes = "";
            for (let at = 0; at < archive.size; at += step) {
                const piece = await archive.slice(at, Math.min(at + step, archive.size));
                bytes += String.fromCharCode(...new Uint8Array(await piece.arrayBuffer()));
            }
            return btoa(bytes);
        }""",
        37,
    )
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(text))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a.txt", "b/ü.txt", "empty"]
        assert archive.read("a.txt") == b"tessera " * 41


def test_the_folder_of_photographs_in_a_zip_is_found(
    town: Dataset, tmp_path: Path, page: Page
) -> None:
    files = {"x/val.json": b"{}", "x/val/a.png": b"1", "x/photos/a.jpg": b"2"}
    (tmp_path / "x.zip").write_bytes(zip_of(files))
    sign_in(page, "alma", IMPORT)
    page.locator("[data-archive]").set_input_files(tmp_path / "x.zip")
    expect(page.get_by_label("Folder of photographs")).to_have_value("x/photos")
    expect(page.locator("[data-size]")).to_contain_text("3 files, ")
    offered = page.locator("#import-folders option")
    expect(offered).to_have_count(3)
    assert offered.first.get_attribute("value") == "x"


def test_an_archive_may_be_larger_than_four_gigabytes(
    town: Dataset, tmp_path: Path, page: Page
) -> None:
    sign_in(page, "alma", IMPORT)
    made = page.evaluate(
        """async () => {
            const { Archive } = await import("/static/web/archive.js");
            const zeros = { size: 5e9, slice: () => new Blob([]) };
            const files = [{ path: "a/zeros", file: zeros }];
            for (const path of ["b", "c"]) files.push({ path, file: new File([path], path) });
            const archive = new Archive(files);
            const written = async (start, end) => {
                const piece = await archive.slice(start, end);
                return [start, String.fromCharCode(...new Uint8Array(await piece.arrayBuffer()))];
            };
            const [first, second] = archive.members;
            return [await written(0, first.data), await written(second.start, archive.size)];
        }"""
    )
    path = tmp_path / "large.zip"  # with holes, so that it takes no room
    with path.open("wb") as file:
        for start, text in made:
            file.seek(start)
            file.write(text.encode("latin-1"))
    with path.open("rb") as file:
        check_directory(file, ArchiveLimits())
    with zipfile.ZipFile(path) as archive:
        sizes = {member.filename: member.file_size for member in archive.infolist()}
        assert sizes == {"a/zeros": 5 * 10**9, "b": 1, "c": 1}
        assert archive.getinfo("b").header_offset > 5 * 10**9
        assert archive.read("c") == b"c"


def test_files_come_in_and_go_out_without_scripts(
    town: Dataset, tmp_path: Path, page_without_scripts: Page
) -> None:
    page = page_without_scripts
    (tmp_path / "cells.zip").write_bytes(zip_of(masks()))
    sign_in(page, "alma", IMPORT)
    page.get_by_label("Choose a zip").set_input_files(tmp_path / "cells.zip")
    fill_options(page)
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text("What it changed")).to_be_visible()
    page.goto(EXPORTS)
    page.get_by_label("Only images with").fill("class:car")
    page.get_by_role("button", name="Export").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert zipfile.is_zipfile(download.value.path())


def test_a_job_moves_on_the_page_and_the_keyboard_stays(town: Dataset, page: Page) -> None:
    job = running_job(town)
    sign_in(page, "alma", f"/jobs/{job.pk}/")
    page.get_by_role("button", name="Cancel").focus()
    Job.objects.filter(pk=job.pk).update(done=600)
    expect(page.get_by_text("600 of 900 images read")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel")).to_be_focused()
    Job.objects.filter(pk=job.pk).update(state=JobState.FAILED, problem={"detail": "disk full"})
    expect(page.get_by_text("disk full")).to_be_visible()
    expect(page.locator("#live-said")).to_have_text("Import: failed")
    expect(page.locator("#state[data-live]")).to_have_count(0)


def test_an_export_that_is_made_meanwhile_can_be_copied_and_downloaded(
    town: Dataset, page: Page
) -> None:
    history(town)
    sign_in(page, "alma", EXPORTS)
    page.get_by_role("button", name="Export").click()
    expect(page.get_by_role("link", name="Download")).to_be_visible()
    Job.objects.update(state=JobState.RUNNING, finished_at=None, done=1, total=3)
    page.reload()
    expect(page.get_by_role("progressbar")).to_be_visible()
    Job.objects.update(state=JobState.DONE, finished_at=timezone.now())
    expect(page.get_by_role("link", name="Download")).to_be_visible()
    expect(page.get_by_role("button", name="Copy the sha256")).to_be_visible()


def test_the_bar_counts_the_jobs_under_way(town: Dataset, page: Page) -> None:
    running_job(town)
    sign_in(page, "alma", "/jobs/")
    badge = page.locator("[data-jobs-badge]")
    expect(badge).to_contain_text("1 of yours under way")
    Job.objects.update(state=JobState.DONE)
    page.evaluate("sessionStorage.clear()")
    with page.expect_response("**/jobs/mine.json"):
        page.reload()
    expect(badge).to_be_hidden()


@pytest.mark.long
def test_axe_finds_nothing_and_no_page_is_wider_than_a_phone(town: Dataset, page: Page) -> None:
    history(town)
    job = running_job(town)
    trial = Job.objects.create(
        dataset=town,
        kind="import",
        state=JobState.DONE,
        requested_by=User.objects.get(username="alma"),
        finished_at=timezone.now(),
        arguments={"format": "coco_panoptic", "dry_run": True, "upload": "ab" * 32},
        result=TRIAL,
    )
    page.emulate_media(reduced_motion="reduce")
    sign_in(page, "alma", EXPORTS)
    page.get_by_role("button", name="Export").click()
    expect(page.get_by_role("link", name="Download")).to_be_visible()
    found: dict[str, list[str]] = {}
    for path in (
        IMPORT,
        f"{IMPORT}?tried={trial.pk}",
        EXPORTS,
        "/jobs/",
        f"/jobs/{job.pk}/",
        f"/jobs/{trial.pk}/",
    ):
        page.set_viewport_size({"width": 1280, "height": 900})
        page.emulate_media(color_scheme="light")
        page.goto(path)
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        found |= {f"{path}: {one}": where for one, where in violations(page).items()}
        page.emulate_media(color_scheme="dark")
        in_dark = violations(page, {"type": "rule", "values": ["color-contrast"]})
        found |= {f"{path}, dark: {one}": where for one, where in in_dark.items()}
        page.set_viewport_size({"width": 420, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= 420, path
        assert weight(page) < 300_000, path
    assert found == {}
