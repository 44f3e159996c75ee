import pytest

from datasets_app import distributions_counting
from datasets_app.models import Job, JobState, VersionDistributions
from panoptic.distributions import GRID
from tests.api.builders import CAR, ROAD, SKY, STREETS

URL = f"{STREETS}/versions/main/distributions/"


def test_sizes_numbers_and_company_are_told(reader):
    body = reader.get(URL).json()
    assert body["pending"] is False
    assert body["labelled"] == 3
    [car] = [row for row in body["classes"] if row["class_id"] == CAR]
    assert (car["class_name"], car["kind"]) == ("car", "thing")
    assert (car["images"], car["segments"]) == (3, 4)
    # One pixel in night/d.png, two in b.png behind, three in a.png, four in b.png.
    assert sum(car["sizes"]) == sum(car["shares"]) == 4
    assert car["images_by_count"] == [
        {"least": 1, "most": 1, "images": 2},
        {"least": 2, "most": 2, "images": 1},
    ]
    assert {"class_id": ROAD, "other_class_id": SKY, "images": 1} in body["together"]
    assert body["occurrence"] is None


def test_a_split_is_counted_alone(reader):
    assert reader.get(f"{URL}?split=train").json()["labelled"] == 1
    assert reader.get(f"{URL}?split=").json()["labelled"] == 1
    assert reader.get(f"{URL}?split=test").json()["classes"] == []


def test_where_a_class_occurs_is_told_when_asked_for(reader):
    found = reader.get(f"{URL}?class={SKY}&split=train").json()["occurrence"]
    assert found["class_id"] == SKY
    assert [len(row) for row in found["cells"]] == [GRID] * GRID
    assert found["cells"][0] == [1.0] * GRID
    assert found["cells"][-1] == [0.0] * GRID


@pytest.mark.parametrize("query", ["class=car", "class=-1", "class=", "class=65536"])
def test_a_class_that_is_no_number_is_refused(reader, query):
    assert reader.get(f"{URL}?{query}").status_code == 400


def test_what_is_not_counted_yet_is_pending(reader, monkeypatch):
    monkeypatch.setattr(distributions_counting, "LABELS_AT_ONCE", 0)
    reader.get(URL)
    VersionDistributions.objects.all().delete()
    Job.objects.update(state=JobState.RUNNING)
    response = reader.get(URL)
    assert response.json()["pending"] is True
    assert response.json()["job"] == str(Job.objects.get().pk)
    assert response["Cache-Control"] == "no-store"


def test_a_version_by_id_is_kept_by_its_reader(reader, world):
    url = f"{STREETS}/versions/{world.ids[0]}/distributions/"
    response = reader.get(url)
    assert "immutable" in response["Cache-Control"]
    assert reader.get(url, headers={"If-None-Match": response["ETag"]}).status_code == 304
