from datetime import timedelta

import pytest
from django.utils import timezone

from store_app.blobs import grant_lease, release_lease, renew_lease
from store_app.errors import LeaseEnded
from store_app.leases import leased, oldest_lease
from store_app.models import Lease

pytestmark = pytest.mark.django_db


def test_a_lease_lives_for_its_duration():
    grant_lease("pull", timedelta(hours=1))
    now = timezone.now()
    assert oldest_lease(now) is not None
    assert oldest_lease(now + timedelta(hours=2)) is None


def test_a_renewed_lease_is_as_old_as_it_was():
    lease = grant_lease("pull", timedelta(hours=1))
    granted = Lease.objects.get().granted_at
    renew_lease(lease, timedelta(hours=5))
    assert oldest_lease(timezone.now() + timedelta(hours=4)) == granted


def test_a_lease_that_ended_cannot_be_renewed():
    lease = grant_lease("pull", timedelta(0))
    with pytest.raises(LeaseEnded) as caught:
        renew_lease(lease)
    assert caught.value.status == 410
    release_lease(lease)
    release_lease(lease)
    with pytest.raises(LeaseEnded):
        renew_lease(lease)


def test_a_lease_ends_with_its_block_also_after_an_error():
    def fail():
        with leased("backup"):
            assert Lease.objects.get().holder == "backup"
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not Lease.objects.exists()
