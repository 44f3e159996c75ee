"""What the audit log says, in sentences: one for each verb, with gaps for names.

A gap such as `{branch}` is filled by the fact of that name, or by what the event is about;
`web.audit_names` makes links of those that have a page. A verb without words here is told
by itself, so that nothing that happened is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Facts = Mapping[str, Any]
Words = str | Callable[[Facts], str]

# Which verbs belong together, as the menu of the filter says it.
AREAS = {
    "version.*": "Versions",
    "branch.*": "Branches",
    "tag.*": "Tags",
    "dataset.*": "Settings of datasets",
    "role.*": "Members and their roles",
    "webhook.*": "Webhooks",
    "job.*": "Jobs",
    "objects.*": "Objects sent",
    "upload.*": "Uploads",
    "image.*": "Erased images",
    "taxonomy.*": "Taxonomies",
    "team.*": "Teams",
    "token.*": "Tokens",
    "account.*": "Accounts",
    "identity.*": "Identities at a provider",
    "password.*": "Passwords",
    "session.*": "Signing in and out",
    "sign_in.*": "Refused sign-ins",
    "store.*": "Upkeep of the store",
    "backup.*": "Backups",
}
# Those that a dataset's own log has.
AREAS_OF_DATASETS = (
    "version.*", "branch.*", "tag.*", "dataset.*", "role.*", "webhook.*", "job.*",
    "objects.*", "upload.*", "image.*",
)  # fmt: skip


def words_of(verb: str, facts: Facts) -> str:
    """Return the sentence of an event without its subject, with gaps."""
    words = _WORDS.get(verb)
    if words is None:
        return "did {verb} to {object}"
    return words if isinstance(words, str) else words(facts)


def has_words(verb: str) -> bool:
    """Say whether the table knows a verb."""
    return verb in _WORDS


def _committed(facts: Facts) -> str:
    counts = [
        f"{facts[name]:,} {name}"
        for name in ("added", "changed", "removed")
        if isinstance(facts.get(name), int) and facts[name]
    ]
    told = ", ".join(counts) or "no image differs"
    return f"committed {{version}} to {{branch}}: {told}"


def _moved(facts: Facts) -> str:
    return "moved {branch} from {old} to {new}" if facts.get("old") else "moved {branch} to {new}"


def _made_branch(facts: Facts) -> str:
    return "made the branch {branch} at {head}" if facts.get("head") else "made the branch {branch}"


def _deleted_branch(facts: Facts) -> str:
    at = ", which was at {head}" if facts.get("head") else ""
    return f"deleted the branch {{gone}}{at}"


def _protected(facts: Facts) -> str:
    if facts.get("protected"):
        return "protected the branch {branch} from deletion"
    return "took away the protection of the branch {branch}"


def _described(facts: Facts) -> str:
    if facts.get("visibility") == "public":
        return "made {object} public: everybody can read it"
    if facts.get("visibility") == "private":
        return "made {object} private"
    changed = " and ".join(sorted(name.replace("_", " ") for name in facts))
    return f"changed the {changed} of {{object}}" if changed else "changed {object}"


def _granted(facts: Facts) -> str:
    if facts.get("before"):
        return "changed the role of {who} on {object} from {before} to {role}"
    return "gave {who} the role {role} on {object}"


def _revoked(facts: Facts) -> str:
    because = ", because the team was deleted" if facts.get("because") == "team.deleted" else ""
    return f"took the role {{before}} on {{object}} from {{who}}{because}"


def _changed_webhook(facts: Facts) -> str:
    if set(facts) == {"active"}:
        return "resumed {object}" if facts["active"] else "paused {object}"
    changed = " and ".join({"url": "URL", "active": "state"}.get(name, name) for name in facts)
    return f"changed the {changed} of {{object}}" if changed else "changed {object}"


def _finished(facts: Facts) -> str:
    ends = {"done": "finished", "failed": "failed at", "cancelled": "stopped"}
    return f"{ends.get(str(facts.get('state')), 'ended')} {{object}}"


def _edited(facts: Facts) -> str:
    told = ": {operations}" if facts.get("operations") else ""
    return f"edited the draft of {{object}}{told}"


def _made_token(facts: Facts) -> str:
    what = "a read-only token" if facts.get("read_only") else "a token"
    named = f"{what} “{{name}}”" if facts.get("name") else what
    return f"made {named} for {{user}}"


def _revoked_token(facts: Facts) -> str:
    named = "the token “{name}”" if facts.get("name") else "a token"
    return f"revoked {named} of {{user}}"


def _received(facts: Facts) -> str:
    counts = [
        f"{facts[name]:,} {word}"
        for name, word in (
            ("photos", "photographs"),
            ("labels", "labels"),
            ("attributes", "sets of attributes"),
        )
        if isinstance(facts.get(name), int) and facts[name]
    ]
    return f"sent {', '.join(counts)}" if counts else "sent nothing that was not there"


def _ended_sessions(facts: Facts) -> str:
    return "signed {name} out of " + (
        "a browser" if facts.get("sessions_ended") == 1 else "{sessions_ended} browsers"
    )


def _erased(facts: Facts) -> str:
    return "erased the image {image}" + (": {reason}" if facts.get("reason") else "")


_WORDS: dict[str, Words] = {
    "version.committed": _committed,
    "branch.created": _made_branch,
    "branch.advanced": _moved,
    "branch.deleted": _deleted_branch,
    "branch.protected": _protected,
    "tag.created": "gave {version} the tag {tag}",
    "dataset.created": "made the dataset {object}",
    "dataset.updated": _described,
    "image.erased": _erased,
    "role.granted": _granted,
    "role.revoked": _revoked,
    "webhook.created": "made {object}",
    "webhook.updated": _changed_webhook,
    "webhook.deleted": "deleted the webhook to {url}",
    "webhook.secret_renewed": "replaced the secret of {object}",
    "webhook.tested": "tested {object}",
    "webhook.redelivered": "sent a message to {object} again",
    "job.enqueued": "asked for {object}",
    "job.cancelled": "cancelled {object}",
    "job.finished": _finished,
    "job.retried": "had {object} tried again",
    "objects.received": _received,
    "upload.begun": "began to upload {size_bytes} bytes",
    "upload.completed": "uploaded {size_bytes} bytes",
    "upload.deleted": "gave up an upload",
    "taxonomy.created": "made the taxonomy {object}",
    "taxonomy.described": _described,
    "taxonomy.published": "published version {number} of {object}",
    "taxonomy.mapped": "mapped {object} to the taxonomy {into}",
    "taxonomy.picture_added": "added a picture to {object}",
    "taxonomy.draft_edited": _edited,
    "taxonomy.draft_discarded": "discarded the draft of {object}",
    "team.created": "made the team {object}",
    "team.updated": _described,
    "team.deleted": "deleted the team {slug}",
    "team.member_added": "took {user} into the team {object} as {role}",
    "team.member_changed": "made {user} {role} of the team {object}",
    "team.member_removed": "took {user} out of the team {object}",
    "token.created": _made_token,
    "token.revoked": _revoked_token,
    "account.created": "made the account {name}",
    "identity.linked": "let the identity {subject} of {issuer} sign in as {name}",
    "password.changed": "changed the password of {name}",
    "session.started": "signed in",
    "session.ended": "signed out",
    "session.revoked": _ended_sessions,
    "sign_in.failed": "refused to sign in {name}",
    "sign_in.locked": "locked signing in as {name} until {until}",
    "sign_in.unlocked": "unlocked signing in by {of} {label}",
    "store.collected": "collected the garbage of the store",
    "store.compacted": "compacted packs of the store",
    "store.verified": "verified the store",
    "backup.written": "wrote a backup",
}
