"""Example pictures of guidelines: kept, shown, never lost."""

import io

import pytest
from PIL import Image

from labels_app.actions import pictures
from labels_app.actions.pictures import add_picture
from labels_app.actions.taxonomies import create_taxonomy
from labels_app.models import TaxonomyPicture
from labels_app.roots import iter_references
from panoptic.errors import MalformedFile, TooLarge
from people_app.models import AuditEvent
from store_app.blobs import get_content
from tests.labels_app.builders import classes
from tests.store_app.builders import use_storage

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _blob_folder(settings, tmp_path):
    use_storage(
        settings, "django.core.files.storage.FileSystemStorage", location=str(tmp_path / "blobs")
    )


@pytest.fixture
def taxonomy():
    return create_taxonomy(slug="street", classes=classes("car"), actor=None).taxonomy


def picture(form="PNG", size=(4, 3), **fields):
    buffer = io.BytesIO()
    Image.new("RGB", size, "#336699").save(buffer, form, **fields)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("form", "media_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")]
)
def test_a_picture_is_kept_as_it_came(taxonomy, form, media_type):
    content = picture(form)
    made = add_picture(taxonomy=taxonomy, content=content, actor=None)
    assert (made.media_type, made.height, made.width) == (media_type, 3, 4)
    assert get_content(bytes(made.digest)) == content


def test_the_size_of_a_picture_is_that_of_what_is_shown(taxonomy):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    made = add_picture(taxonomy=taxonomy, content=picture("JPEG", exif=exif), actor=None)
    assert (made.height, made.width) == (4, 3)


def test_the_same_picture_again_is_the_same_and_is_recorded_once(taxonomy):
    first, again = (add_picture(taxonomy=taxonomy, content=picture(), actor=None) for _ in range(2))
    assert first == again
    assert AuditEvent.objects.filter(verb="taxonomy.picture_added").count() == 1


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg/>",
        b"<html>",
        picture("GIF"),
        picture("BMP"),
        picture(size=(400, 300))[:200],
        b"\x89PNG\r\n",
    ],
    ids=["nothing", "svg", "html", "gif", "bmp", "truncated", "header"],
)
def test_what_is_no_picture_that_browsers_show_is_refused(taxonomy, content):
    with pytest.raises(MalformedFile):
        add_picture(taxonomy=taxonomy, content=content, actor=None)
    assert not TaxonomyPicture.objects.exists()


def test_a_file_or_a_picture_that_is_too_large_is_refused(taxonomy, monkeypatch):
    monkeypatch.setattr(pictures, "MOST_PIXELS", 11)
    with pytest.raises(TooLarge):
        add_picture(taxonomy=taxonomy, content=picture(), actor=None)
    monkeypatch.setattr(pictures, "LARGEST_FILE_BYTES", 10)
    with pytest.raises(TooLarge, match="bytes"):
        add_picture(taxonomy=taxonomy, content=picture(), actor=None)


def test_a_picture_is_a_root_of_the_store(taxonomy):
    made = add_picture(taxonomy=taxonomy, content=picture(), actor=None)
    [reference] = iter_references()
    assert reference.digest == bytes(made.digest)
