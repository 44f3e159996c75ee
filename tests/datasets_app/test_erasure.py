import io

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from datasets_app.actions.branches import create_branch
from datasets_app.actions.commits import ImageChange
from datasets_app.actions.erasure import UsedElsewhere, erase_image, plan_erasure
from datasets_app.errors import NotFound
from datasets_app.models import Image
from datasets_app.photos import PhotoInfo, register_photos
from people_app.models import AuditEvent, User
from store_app.blobs import get_content
from store_app.errors import ObjectErased
from store_app.verification import verify
from tests.datasets_app.builders import author, commit_to, dataset, names, put_bytes, put_label
from tests.scenarios.commands import refuse, run

pytestmark = pytest.mark.django_db


def is_erased(digest: bytes) -> bool:
    try:
        get_content(digest)
    except ObjectErased:
        return True
    return False


def test_every_photograph_that_an_image_ever_had_is_erased():
    streets = dataset("streets")
    old, new, other = put_bytes("old"), put_bytes("new"), put_bytes("other")
    commit_to(streets, [ImageChange("a", image=old), ImageChange("b", image=other)])
    commit_to(streets, names("a", image=new))
    commit_to(streets, [ImageChange("a", delete=True)])
    report = run("erase_image", "streets", "a", "--reason", "asked by the person shown")
    assert set(report["erased"]) == {old.hex(), new.hex()}
    assert is_erased(old)
    assert is_erased(new)
    assert get_content(other) == b"other"


def test_labels_are_erased_on_request_alone():
    streets = dataset("streets")
    mask = put_label("11", {1: 1})
    commit_to(streets, names("a", image=put_bytes("a"), label=mask))
    run("erase_image", "streets", "a", "--reason", "asked")
    assert not is_erased(mask)
    run("erase_image", "streets", "a", "--labels", "--reason", "asked")
    assert is_erased(mask)


def test_who_else_uses_the_bytes_is_told_and_must_be_accepted():
    streets, park = dataset("streets"), dataset("park")
    photo = put_bytes("photo")
    commit_to(streets, names("a", "b", image=photo))
    commit_to(park, names("c", image=photo))
    refused = refuse("erase_image", "streets", "a", "--reason", "asked")
    assert refused["code"] == "used_elsewhere"
    assert "park: c: image; streets: b: image" in refused["detail"]
    assert not is_erased(photo)
    report = run("erase_image", "streets", "a", "--reason", "asked", "--yes")
    assert report["also"] == ["park: c: image", "streets: b: image"]
    assert is_erased(photo)


def test_people_are_told_how_to_go_on():
    streets = dataset("streets")
    commit_to(streets, names("a", "b", image=put_bytes("photo")))
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("erase_image", "streets", "a", "--reason", "asked", stdout=out)
    assert out.getvalue().splitlines() == [
        "would also be erased for streets: b: image",
        "Nothing was erased. With --yes all of them lose these bytes.",
    ]


def test_the_audit_log_tells_who_erased_what_and_why():
    streets = dataset("streets")
    photo = put_bytes("photo")
    commit_to(streets, names("a", image=photo))
    author("amara")
    run("erase_image", "streets", "a", "--reason", "asked by mail", "--user", "amara")
    event = AuditEvent.objects.get(verb="image.erased")
    assert event.actor == User.objects.get(username="amara")
    assert event.object_id == str(streets.pk)
    assert event.facts["photographs"] == [photo.hex()]
    assert (event.facts["image"], event.facts["reason"]) == ("a", "asked by mail")


def test_verification_reports_what_was_erased_and_goes_on():
    streets = dataset("streets")
    commit_to(streets, names("a", image=put_bytes("a")) + names("b", image=put_bytes("b")))
    run("erase_image", "streets", "a", "--reason", "asked")
    [finding] = verify("data")
    assert (finding.code, finding.path) == ("object_erased", "a: image")
    assert run("verify_store", "--level", "tree")["findings"] == []


def test_history_goes_on_naming_what_was_erased():
    streets = dataset("streets")
    photo = put_bytes("photo")
    first = commit_to(streets, names("a", image=photo))
    run("erase_image", "streets", "a", "--reason", "asked")
    create_branch(dataset=streets, name="other", head=first, actor=author())
    commit_to(streets, [ImageChange("a", delete=True)])
    assert commit_to(streets, names("a", image=photo)).number == 3
    assert commit_to(streets, names("a", split="val"), branch="other").number == 4


def test_the_photograph_answers_410():
    streets = dataset("streets")
    photo = put_bytes("photo")
    register_photos([PhotoInfo(photo, "image/jpeg", 1, 2, 1, 2)])
    commit_to(streets, names("a", image=photo))
    run("erase_image", "streets", "a", "--reason", "asked")
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    number = Image.objects.get().image_no
    answer = client.get(f"/api/v1/datasets/streets/versions/main/images/{number}/photo")
    assert (answer.status_code, answer.json()["code"]) == (410, "object_erased")


def test_what_is_not_there_cannot_be_erased():
    streets = dataset("streets")
    commit_to(streets, names("a"))
    for name in ("a", "never"):
        with pytest.raises(NotFound):
            plan_erasure(streets, name)
    with pytest.raises(CommandError, match="--reason says why"):
        call_command("erase_image", "streets", "a", "--reason", " ")


def test_a_plan_is_not_carried_out_over_the_heads_of_others():
    streets = dataset("streets")
    commit_to(streets, names("a", "b", image=put_bytes("photo")))
    with pytest.raises(UsedElsewhere):
        erase_image(plan_erasure(streets, "a"), reason="asked", actor=author())
    assert not AuditEvent.objects.filter(verb="image.erased").exists()
