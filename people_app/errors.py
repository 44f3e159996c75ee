"""What can be refused about people and their rights.

TesseraError
└── RightsError
    ├── LastAdmin             a resource would be left without an admin
    ├── UnknownRole           resources of this kind have no such role
    ├── InvalidTeam           a slug, name or description that is refused
    ├── TeamExists            the slug is taken
    ├── TeamIsGone            a team was deleted while somebody changed it
    ├── LastMaintainer        a team would be left without a maintainer
    ├── SignInLocked          signing in failed too often for a name or an address
    ├── IdentityRefused       an account elsewhere that belongs to nobody here
    ├── AuditIsAppendOnly     somebody tried to alter or remove an audit event
    └── AuditOutsideTransaction
"""

import math
from collections.abc import Iterable
from datetime import datetime

from store_app.errors import TesseraError


class RightsError(TesseraError):
    """A change of rights, or of their record, that is refused."""

    code = "rights_error"
    status = 400


class LastAdmin(RightsError):
    """The last admin of a resource cannot be removed or lowered."""

    code = "last_admin"
    status = 409

    def __init__(self, username: str, resource_kind: str, resource_id: int) -> None:
        super().__init__(
            f"{username} is the last admin of {resource_kind} {resource_id}", username=username
        )
        self.username, self.resource_kind = username, resource_kind
        self.resource_id = resource_id


class UnknownRole(RightsError):
    """Resources of a kind know other roles than this one."""

    code = "unknown_role"
    status = 422

    def __init__(self, role: str, resource_kind: str, known: Iterable[str]) -> None:
        known = [str(one) for one in known]
        super().__init__(f"a {resource_kind} has the roles {', '.join(known)}, not {role}")
        self.role, self.resource_kind = role, resource_kind


class InvalidTeam(RightsError):
    """What is said about a team is refused; `field` names what."""

    code = "invalid_team"

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"the {field} of a team is refused: {reason}", field=field)
        self.field, self.reason = field, reason


class TeamExists(RightsError):
    """There is a team of this slug."""

    code = "name_taken"
    status = 409

    def __init__(self, slug: str) -> None:
        super().__init__(f"there is a team {slug!r} already", slug=slug)
        self.slug = slug


class TeamIsGone(RightsError):
    """A team was deleted while somebody changed it."""

    code = "not_found"
    status = 404

    def __init__(self, slug: str) -> None:
        super().__init__(f"there is no team {slug!r}", slug=slug)
        self.slug = slug


class LastMaintainer(RightsError):
    """The last active maintainer of a team cannot be removed or lowered."""

    code = "last_maintainer"
    status = 409

    def __init__(self, username: str, slug: str) -> None:
        super().__init__(f"{username} is the last maintainer of team {slug}", username=username)
        self.username, self.slug = username, slug


class SignInLocked(RightsError):
    """Signing in failed too often; until a time not even the right password is looked at."""

    code = "sign_in_locked"
    status = 429

    def __init__(self, *, until: datetime, now: datetime) -> None:
        self.until = until
        self.wait_seconds = max(1, math.ceil((until - now).total_seconds()))
        super().__init__(
            f"signing in failed too often; try again in {self.wait_seconds} seconds",
            wait_seconds=self.wait_seconds,
        )


class IdentityRefused(RightsError):
    """Somebody signed in at the provider, and has no account here that they may use."""

    code = "identity_refused"
    status = 403


class AuditIsAppendOnly(RightsError):
    """An audit event is never altered and never removed."""

    code = "audit_is_append_only"
    status = 500

    def __init__(self) -> None:
        super().__init__("an audit event is never altered and never removed")


class AuditOutsideTransaction(RightsError):
    """An audit event was recorded outside the transaction of the change that it tells of."""

    code = "audit_outside_transaction"
    status = 500

    def __init__(self, verb: str) -> None:
        super().__init__(f"{verb} must be recorded in the transaction of its change", verb=verb)
        self.verb = verb
