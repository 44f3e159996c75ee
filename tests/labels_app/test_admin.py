import pytest
from django.contrib.admin import site

from labels_app.actions.taxonomies import create_taxonomy
from labels_app.models import LabelRevision, Taxonomy, TaxonomyVersion
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
@pytest.mark.parametrize("model", [TaxonomyVersion, LabelRevision])
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
