import pytest
from django.core import serializers
from django.core.exceptions import ValidationError

from store_app.fields import DigestField
from store_app.models import Blob, Pack
from store_app.writing import put_blobs
from tests.store_app.builders import raw

pytestmark = pytest.mark.django_db


def test_a_digest_comes_back_as_bytes():
    blob = raw(b"tessera")
    put_blobs([blob])
    assert type(Blob.objects.get().digest) is bytes
    assert Blob.objects.get(digest=blob.digest).stored_digest == blob.digest
    assert Blob.objects.filter(digest__in=[blob.digest]).select_related("pack").get().pack.digest


@pytest.mark.parametrize("wrong", [b"short", b"\0" * 33, "ab" * 32])
def test_a_digest_of_another_length_or_in_hex_never_reaches_the_database(wrong):
    with pytest.raises(ValueError, match="a digest is 32 bytes"):
        Pack.objects.filter(digest=wrong).exists()


def test_fixtures_hold_digests_as_hex():
    blob = raw(b"tessera")
    put_blobs([blob])
    text = serializers.serialize("json", Pack.objects.all())
    assert Pack.objects.get().digest.hex() in text
    [copy] = serializers.deserialize("json", text)
    assert copy.object.digest == Pack.objects.get().digest


@pytest.mark.parametrize("wrong", ["xyz", "abcd", 7.5])
def test_what_is_no_digest_is_refused_as_input(wrong):
    with pytest.raises(ValidationError):
        DigestField().to_python(wrong)
