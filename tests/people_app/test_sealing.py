"""The chain of the audit log: what it bears, and what its verification finds."""

import hashlib
import json
import threading
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, models, transaction
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from people_app.audit import ObjectName, record
from people_app.audit_form import event_digest, seal_bytes
from people_app.audit_verification import Head, verify_audit
from people_app.models import AuditEvent, AuditProof, AuditSeal
from people_app.sealing import Sealed, seal_events
from tests.laws import examples
from tests.people_app.builders import person

STREETS, FIELDS = ObjectName("dataset", "7"), ObjectName("dataset", "8")


def tell(count, line=STREETS):
    """Events of one line."""
    return [record(None, f"step.{n}", line, n=n) for n in range(count)]


def raw(model):
    """The rows of a table for somebody who has the database and no scruples."""
    return models.QuerySet(model)


def found():
    """What verification says: kinds and events."""
    return [(finding.kind, finding.event) for finding in verify_audit().findings]


@pytest.mark.django_db
def test_each_line_has_a_chain_of_its_own():
    tell(3, STREETS)
    tell(2, FIELDS)
    assert seal_events() == Sealed(seals=2, events=5)
    seals = AuditSeal.objects.values_list("line_id", "number", "count", "previous")
    assert set(seals) == {("7", 1, 3, None), ("8", 1, 2, None)}


@pytest.mark.django_db
def test_a_seal_holds_the_one_before_it():
    tell(1)
    seal_events()
    tell(1)
    seal_events()
    first, second = AuditSeal.objects.order_by("number")
    assert second.previous == first.digest
    proofs = second.proofs.values_list("pk", "digest")
    assert hashlib.sha256(seal_bytes(second, proofs)).digest() == second.digest


@pytest.mark.django_db
def test_many_events_are_sealed_in_batches(monkeypatch):
    monkeypatch.setattr("people_app.sealing.EVENTS_PER_SEAL", 4)
    tell(10)
    assert seal_events() == Sealed(seals=3, events=10)
    assert seal_events() == Sealed(seals=0, events=0)
    assert verify_audit().findings == []


@pytest.mark.django_db
def test_an_event_is_proved_before_it_is_sealed():
    [event] = tell(1)
    raw(AuditEvent).filter(pk=event.pk).update(verb="nothing")
    assert found() == [("altered", event.pk)]


@pytest.mark.django_db
def test_a_lower_id_that_appears_later_is_in_a_later_seal_and_no_alarm():
    # As PostgreSQL does it: 1 is given out before 2 and is visible after it was sealed.
    late, early = tell(2)
    digest = AuditProof.objects.get(pk=late.pk).digest
    raw(AuditProof).filter(pk=late.pk).delete()
    seal_events()
    AuditProof.objects.create(event=late, digest=digest)
    assert seal_events().events == 1
    assert AuditSeal.objects.filter(first_event=late.pk, number=2).exists()
    assert AuditSeal.objects.filter(first_event=early.pk, number=1).exists()
    assert verify_audit().findings == []


@pytest.mark.django_db(transaction=True)
def test_two_real_transactions_that_commit_out_of_order_lose_nothing():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has one writer at a time: ids are committed in order")
    given_id, go_on = threading.Event(), threading.Event()
    ids = []

    def write_slowly():
        with transaction.atomic():
            ids.append(record(None, "slow", STREETS).pk)
            given_id.set()
            go_on.wait(5)
        connection.close()

    writer = threading.Thread(target=write_slowly)
    writer.start()
    assert given_id.wait(5)
    with transaction.atomic():
        quick = record(None, "quick", STREETS)
    assert seal_events().events == 1
    go_on.set()
    writer.join()
    assert ids[0] < quick.pk
    assert seal_events().events == 1
    assert verify_audit().findings == []


@pytest.mark.django_db(transaction=True)
def test_sealers_at_once_seal_every_event_once(monkeypatch):
    monkeypatch.setattr("people_app.sealing.EVENTS_PER_SEAL", 3)
    with transaction.atomic():
        tell(30)

    def seal():
        seal_events()
        connection.close()

    sealers = [threading.Thread(target=seal) for _ in range(4)]
    for sealer in sealers:
        sealer.start()
    for sealer in sealers:
        sealer.join()
    seal_events()
    report = verify_audit()
    assert (report.findings, report.events, report.unsealed) == ([], 30, 0)


def alter(events):
    raw(AuditEvent).filter(pk=events[2].pk).update(facts={"n": 99})
    return [("altered", events[2].pk)]


def readdress(events):
    raw(AuditEvent).filter(pk=events[2].pk).update(address="192.0.2.1")
    return [("altered", events[2].pk)]


def move_to_another_line(events):
    raw(AuditEvent).filter(pk=events[2].pk).update(line_id="9")
    return [("altered", events[2].pk)]


def make_unwritable(events):
    raw(AuditEvent).filter(pk=events[2].pk).update(facts={"n": 2**60})
    return [("altered", events[2].pk)]


def remove(events):
    raw(AuditEvent).filter(pk=events[2].pk).delete()
    return [("removed", events[2].pk)]


def insert(events):
    forged = AuditEvent(verb="forged", object_kind="dataset", object_id="7", line_kind="dataset")
    raw(AuditEvent).bulk_create([forged])
    return [("inserted", forged.pk)]


def swap(events):
    one, other = events[1], events[3]
    fields = {"verb": one.verb, "facts": one.facts, "at": one.at}
    raw(AuditEvent).filter(pk=one.pk).update(verb=other.verb, facts=other.facts, at=other.at)
    raw(AuditEvent).filter(pk=other.pk).update(**fields)
    return [("reordered", one.pk), ("reordered", other.pk)]


def alter_with_its_proof(events):
    event = raw(AuditEvent).get(pk=events[2].pk)
    event.verb = "nothing"
    raw(AuditEvent).filter(pk=event.pk).update(verb="nothing")
    raw(AuditProof).filter(pk=event.pk).update(digest=event_digest(event))
    return [("seal_broken", None)]


def remove_with_its_proof(events):
    raw(AuditProof).filter(pk=events[2].pk).delete()
    raw(AuditEvent).filter(pk=events[2].pk).delete()
    return [("seal_broken", None)]


def take_the_proof(events):
    raw(AuditProof).filter(pk=events[2].pk).delete()
    return [("seal_broken", None), ("inserted", events[2].pk)]


def remove_a_seal(events):
    first, second, _ = AuditSeal.objects.filter(line_id="7").order_by("number")
    raw(AuditProof).filter(seal=first).update(seal=second)
    raw(AuditSeal).filter(pk=first.pk).delete()
    return [("seal_broken", None), ("seal_broken", None)]


def backdate_a_seal(events):
    seal = AuditSeal.objects.filter(line_id="7").order_by("number")[1]
    raw(AuditSeal).filter(pk=seal.pk).update(sealed_at=events[0].at)
    return [("seal_broken", None)]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "tamper",
    [
        alter, readdress, move_to_another_line, make_unwritable, remove, insert, swap,
        alter_with_its_proof, remove_with_its_proof, take_the_proof, remove_a_seal,
        backdate_a_seal,
    ],
)  # fmt: skip
def test_verification_finds_and_names_what_somebody_did_to_the_log(monkeypatch, tamper):
    monkeypatch.setattr("people_app.sealing.EVENTS_PER_SEAL", 4)
    events = tell(10)
    tell(3, FIELDS)
    seal_events()
    assert found() == []
    expected = tamper(events)
    assert found() == expected
    assert {finding.line for finding in verify_audit().findings} <= {"dataset:7", "dataset"}


@pytest.mark.django_db
def test_a_forged_event_is_never_sealed():
    seal_events()
    raw(AuditEvent).bulk_create([AuditEvent(verb="forged", object_kind="x", object_id="1")])
    assert seal_events().events == 0
    assert [kind for kind, _ in found()] == ["inserted"]


@pytest.mark.django_db
def test_a_chain_that_was_cut_and_computed_again_is_found_by_a_head_kept_elsewhere():
    tell(2)
    seal_events()
    tell(2)
    seal_events()
    kept = verify_audit().heads
    last = AuditSeal.objects.get(number=2)
    ids = list(last.proofs.values_list("pk", flat=True))
    raw(AuditProof).filter(seal=last).delete()
    raw(AuditSeal).filter(pk=last.pk).delete()
    raw(AuditEvent).filter(pk__in=ids).delete()
    assert verify_audit().findings == []
    [finding] = verify_audit(kept).findings
    assert (finding.kind, finding.line, finding.seal) == ("head_lost", "dataset:7", 2)


@pytest.mark.django_db
def test_heads_of_a_log_that_grew_are_in_it_still():
    tell(1)
    seal_events()
    kept = verify_audit().heads
    tell(1)
    seal_events()
    assert kept == [Head("dataset:7", 1, AuditSeal.objects.get(number=1).digest.hex())]
    assert verify_audit(kept).findings == []


@pytest.mark.django_db
def test_the_command_names_the_row_and_fails():
    events = tell(3)
    call_command("seal_audit", stdout=StringIO())
    raw(AuditEvent).filter(pk=events[1].pk).update(verb="nothing")
    out = StringIO()
    with pytest.raises(CommandError, match="1 findings"):
        call_command("verify_audit", "--json", stdout=out)
    answer = json.loads(out.getvalue())
    assert not answer["ok"]
    assert [(one["kind"], one["event"]) for one in answer["findings"]] == [
        ("altered", events[1].pk)
    ]


@pytest.mark.django_db
def test_the_command_reads_the_heads_that_it_printed(tmp_path):
    tell(3)
    call_command("seal_audit", "--json", stdout=StringIO())
    out = StringIO()
    call_command("verify_audit", "--json", stdout=out)
    (tmp_path / "heads").write_text(out.getvalue())
    call_command("verify_audit", "--heads", str(tmp_path / "heads"), stdout=StringIO())
    (tmp_path / "heads").write_text(out.getvalue().replace('"number": 1', '"number": 4'))
    with pytest.raises(CommandError):
        call_command("verify_audit", "--heads", str(tmp_path / "heads"), stdout=StringIO())
    (tmp_path / "heads").write_text("{}")
    with pytest.raises(CommandError, match="no output of verify_audit"):
        call_command("verify_audit", "--heads", str(tmp_path / "heads"), stdout=StringIO())


@pytest.mark.django_db
def test_an_export_bears_what_the_digests_are_made_of(tmp_path):
    record(person("ada"), "tried", STREETS, share=0.5)
    record(None, "other", FIELDS)
    seal_events()
    path = tmp_path / "audit.ndjson"
    call_command("export_audit", str(path), "--line", "dataset:7", "--since", "2020-01-01")
    [row] = [json.loads(line) for line in path.read_text().splitlines()]
    canonical = {
        "form": "tessera-audit-event 1",
        "id": row["id"],
        "at": row["at"],
        "actor": row["actor_id"],
        "token": ["", ""],
        "address": row["address"],
        "request": row["request"],
        "verb": row["verb"],
        "object": [row["object"]["kind"], row["object"]["id"]],
        "line": [row["line"]["kind"], row["line"]["id"]],
        "facts": row["facts"],
    }
    text = json.dumps(canonical, sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(text.encode()).hexdigest() == row["digest"]
    assert (row["actor"], row["verb"], row["seal"]) == ("ada", "tried", 1)


@pytest.mark.django_db
def test_verification_reads_many_seals_with_few_queries(monkeypatch, django_assert_max_num_queries):
    monkeypatch.setattr("people_app.sealing.EVENTS_PER_SEAL", 1)
    tell(40)
    seal_events()
    with django_assert_max_num_queries(4 + 2 + 40):
        verify_audit()


facts = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


class FactsTest(TestCase):
    """A class, for hypothesis undoes each example only in Django's own test cases."""

    @examples(40)
    @given(st.dictionaries(st.sampled_from(["a", "ü", "𝄞", "b c"]), facts, max_size=4))
    def test_any_facts_are_read_back_as_they_were_proved(self, values):
        record(None, "tried", STREETS, values=values)
        seal_events()
        assert verify_audit().findings == []
