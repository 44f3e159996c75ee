"""A service of its own, that makes a history and backs it up, or takes up what another one made.

Run as `python -m tests.datasets_app.backup_script make ARCHIVE` or `… take ARCHIVE NEXT` with
TESSERA_DATA_DIR and perhaps DATABASE_URL set. Prints what the service holds, as JSON.
"""

import hashlib
import io
import json
import os
import sys
import uuid
from typing import Any

import django


def main(verb: str, *archives: str) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from django.core.management import call_command

    from store_app.verification import verify

    call_command("migrate", verbosity=0)
    if verb == "make":
        make_history()
        fill_tables()
        held = describe()
        call_command("backup", archives[0], stdout=io.StringIO())
    else:
        call_command("restore", archives[0], stdout=io.StringIO())
        held = describe()
        work_on()
        call_command("backup", archives[1], stdout=io.StringIO())
    # At the end: the log tells of each verification.
    held["findings"] = [finding.code for finding in verify("data")]
    sys.stdout.write(json.dumps(held))


def make_history() -> None:
    from django.utils import timezone

    from datasets_app.actions.branches import create_branch, delete_branch
    from datasets_app.actions.commits import ImageChange
    from datasets_app.actions.tags import create_tag
    from datasets_app.models import Job, PairDiff
    from datasets_app.webhooks.managing import create_webhook
    from people_app.actions.roles import grant_role, grant_team_role
    from people_app.actions.teams import create_team
    from people_app.actions.tokens import create_token
    from people_app.sealing import seal_events
    from store_app.blobs import put_file
    from tests.datasets_app.builders import author, commit_to, dataset, names, put_bytes, put_label

    streets = dataset("streets")
    photo = put_file(io.BytesIO(os.urandom(10_000)))
    mask = put_label("112 112", {1: 1, 2: 2}, scores={2: 0.25}, attributes={2: {"ä": [1, None]}})
    first = commit_to(streets, names("ü/a.png", "b.png", image=photo, label=mask))
    other = create_branch(dataset=streets, name="other", head=first, actor=author())
    second = commit_to(streets, names("c.png", image=put_bytes("c"), split="val"), branch="other")
    commit_to(streets, [ImageChange("b.png", delete=True)], other_parents=[second])
    create_tag(dataset=streets, name="1.0", version=first, actor=author(), message="a\n\u2028b")
    delete_branch(branch=other, actor=author())
    create_webhook(
        dataset=streets, url="https://example.org/", events=["tag.created"], actor=author()
    )
    create_token(user=author(), name="laptop", actor=author())
    grant_role(user=author("amara"), resource=streets, role="reviewer", actor=author())
    crew = create_team(slug="crew", actor=author("amara"), name="Nächte")
    grant_team_role(team=crew, resource=streets, role="annotator", actor=author())
    Job.objects.create(
        kind="import", dataset=streets, arguments={"n": 2**53, "x": 0.1}, result=None,
        finished_at=timezone.now(),
    )  # fmt: skip
    PairDiff.objects.create(key=bytes(32), counts={"ious": [1e-300, -0.5]})
    seal_events()


def fill_tables() -> None:
    """Put a row into every table that has none: of what no history makes, and of what comes."""
    from datasets_app.backup.tables import backed_up_models

    for model in backed_up_models():
        if not model._base_manager.exists():
            values = {field.name: _value_of(field) for field in model._meta.local_concrete_fields}
            # Not saved by the model's own ways, which would alter it.
            model._base_manager.bulk_create([model(**values)])


def _value_of(field: Any) -> Any:
    """A value that is hard to carry over, as far as the field takes any."""
    from django.db import models
    from django.utils import timezone

    if field.is_relation:
        return field.related_model._base_manager.first()
    if field.choices:
        return field.choices[0][0]
    if isinstance(field, models.BinaryField):
        # Where it could name stored bytes, some that are there.
        unique = field.primary_key or field.unique
        return hashlib.sha256(str(field).encode()).digest() if unique else _any_blob()
    if isinstance(field, models.JSONField):
        return {"ä\u2028": [1, 0.1, None, True]}
    if isinstance(field, models.DateTimeField):
        return timezone.now()
    if isinstance(field, models.UUIDField):
        return uuid.uuid4()
    if isinstance(field, (models.CharField, models.TextField)):
        return f"\u2028ü {field.name}"[: field.max_length]
    return 0.1 if isinstance(field, models.FloatField) else 1


def _any_blob() -> bytes:
    from store_app.models import Blob

    return Blob.objects.order_by("digest").first().digest


def work_on() -> None:
    """Add what needs new numbers, which must be free."""
    from datasets_app.actions.branches import create_branch
    from datasets_app.models import Dataset, Version
    from tests.datasets_app.builders import author

    streets, version = Dataset.objects.get(), Version.objects.get(number=1)
    branch = create_branch(dataset=streets, name="new", head=version, actor=author())
    branch.delete()


def describe() -> dict[str, Any]:
    """Say what a service holds, so that two can be compared."""
    from datasets_app.backup.tables import backed_up_models, encode_rows, label_of
    from datasets_app.manifest import manifest_sha256
    from datasets_app.models import Branch, Tag, Version
    from people_app.audit_verification import verify_audit
    from people_app.models import AuditEvent

    proved = verify_audit()
    return {
        "heads": {branch.name: branch.head.id_hex for branch in Branch.objects.all()},
        "manifests": {
            version.id_hex: manifest_sha256(version).hex() for version in Version.objects.all()
        },
        "tags": {tag.name: tag.manifest_sha256.hex() for tag in Tag.objects.all()},
        "audit_heads": [list(head) for head in proved.heads],
        "audit_findings": [finding.kind for finding in proved.findings],
        "audit": [
            [event.pk, event.at.isoformat(), event.actor_id, event.verb, event.facts]
            for event in AuditEvent.objects.order_by("pk")
        ],
        "rows": {label_of(m): [json.loads(r) for r in encode_rows(m)] for m in backed_up_models()},
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
