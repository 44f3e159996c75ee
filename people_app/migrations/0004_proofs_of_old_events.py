"""Events of before have a line and a proof, too: sealed from now on, as they are now."""

from django.db import migrations
from django.db.models import F

from people_app.audit_form import event_digest

AT_ONCE = 500


def add_lines_and_proofs(apps, schema_editor):
    event_model = apps.get_model("people_app", "AuditEvent")
    proof_model = apps.get_model("people_app", "AuditProof")
    # The frozen model has Django's own manager, which may alter rows.
    event_model.objects.filter(object_kind__in=["dataset", "taxonomy"]).update(
        line_kind=F("object_kind"), line_id=F("object_id")
    )
    after = 0
    while events := list(event_model.objects.filter(pk__gt=after).order_by("pk")[:AT_ONCE]):
        proof_model.objects.bulk_create(
            # No canonical form: nothing can be proved of it, and verification names it.
            proof_model(event_id=event.pk, digest=event_digest(event) or bytes(32))
            for event in events
        )
        after = events[-1].pk


class Migration(migrations.Migration):
    # Apart from 0003: PostgreSQL alters no table whose new rows wait for their checks.
    dependencies = [("people_app", "0003_audit_seals")]

    operations = [migrations.RunPython(add_lines_and_proofs, migrations.RunPython.noop)]
