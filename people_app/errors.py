"""What can be refused about people and their rights.

TesseraError
└── RightsError
    ├── LastAdmin             a resource would be left without an admin
    ├── UnknownRole           resources of this kind have no such role
    ├── AuditIsAppendOnly     somebody tried to alter or remove an audit event
    └── AuditOutsideTransaction
"""

from collections.abc import Iterable

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
