import io

import pytest
from django.contrib.admin import site
from PIL import Image

from labels_app.actions.drafts import edit_draft
from labels_app.actions.mappings import create_mapping
from labels_app.actions.pictures import add_picture
from labels_app.actions.taxonomies import create_taxonomy
from labels_app.models import (
    DraftEdit,
    LabelRevision,
    Taxonomy,
    TaxonomyDraft,
    TaxonomyMapping,
    TaxonomyPicture,
    TaxonomyVersion,
)
from labels_app.revisions import register_labels
from panoptic.codec import pack_label
from people_app.models import User
from tests.builders import label
from tests.labels_app.builders import classes


@pytest.fixture
def operator_request(rf):
    request = rf.get("/")
    request.user = User.objects.create_superuser("root")
    return request


@pytest.mark.django_db
@pytest.mark.parametrize(
    "model",
    [TaxonomyVersion, LabelRevision, TaxonomyDraft, DraftEdit, TaxonomyMapping, TaxonomyPicture],
)
def test_operators_cannot_alter_what_is_immutable(operator_request, model):
    admin = site.get_model_admin(model)
    assert admin.has_view_permission(operator_request)
    assert not admin.has_add_permission(operator_request)
    assert not admin.has_change_permission(operator_request)
    assert not admin.has_delete_permission(operator_request)


@pytest.mark.django_db
def test_operators_may_mend_the_title_of_a_taxonomy_but_not_its_slug(operator_request):
    admin = site.get_model_admin(Taxonomy)
    assert set(admin.get_form(operator_request).base_fields) == {"title", "description"}
    assert not admin.has_delete_permission(operator_request)


@pytest.mark.django_db
def test_a_version_is_shown_with_its_classes(operator_request):
    version = create_taxonomy(slug="street", classes=classes("road/stuff car"), actor=None)
    admin = site.get_model_admin(TaxonomyVersion)
    page = admin.changeform_view(operator_request, str(version.pk)).render().content.decode()
    assert "road" in page
    assert version.digest.hex() in page


@pytest.mark.django_db
def test_labels_are_listed_by_digest(operator_request):
    packed = pack_label(label("11", {1: 7}))
    register_labels([packed])
    admin = site.get_model_admin(LabelRevision)
    page = admin.changelist_view(operator_request).render().content.decode()
    assert packed.digest.hex() in page


@pytest.mark.django_db
def test_operators_see_who_owns_a_taxonomy_and_what_is_done_to_its_draft(operator_request):
    version = _edited_taxonomy(operator_request.user)
    page = _page(Taxonomy, version.taxonomy_id, operator_request)
    assert "root (owner)" in page
    assert (
        "rename"
        in site.get_model_admin(DraftEdit)
        .changelist_view(operator_request)
        .render()
        .content.decode()
    )
    assert "automobile" in _page(TaxonomyDraft, version.taxonomy.draft.pk, operator_request)


@pytest.mark.django_db
def test_operators_see_mappings_and_pictures(operator_request):
    version = _edited_taxonomy(operator_request.user)
    other = create_taxonomy(slug="other", classes=classes("vehicle"), actor=None)
    mapping = create_mapping(
        source=version, target=other, entries={"road": None, "car": "vehicle"}, actor=None
    )
    picture = add_picture(taxonomy=version.taxonomy, content=_png(), actor=None)
    assert "&quot;1&quot;: null" in _page(TaxonomyMapping, mapping.pk, operator_request)
    assert picture.digest.hex() in _page(TaxonomyPicture, picture.pk, operator_request)


def _edited_taxonomy(owner):
    version = create_taxonomy(slug="street", classes=classes("road/stuff car"), actor=owner)
    rename = {"op": "rename", "class": "car", "name": "automobile"}
    edit_draft(taxonomy=version.taxonomy, expected_revision=0, operations=[rename], actor=owner)
    return version


def _page(model, key, request):
    admin = site.get_model_admin(model)
    return admin.changeform_view(request, str(key)).render().content.decode()


def _png():
    out = io.BytesIO()
    Image.new("RGB", (3, 2)).save(out, "PNG")
    return out.getvalue()
