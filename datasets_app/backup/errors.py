"""What can go wrong with a backup.

TesseraError
└── BackupError
    ├── MalformedBackup    an archive that is none, was altered or cut off
    ├── OtherRelease       made by a release with other tables
    ├── NotEmpty           something is here that a restore would mix with
    └── StoreChanged       bytes are not as they were stored
"""

from __future__ import annotations

from store_app.errors import TesseraError


class BackupError(TesseraError):
    """Root of the errors of backup and restore."""

    code = "backup_error"


class MalformedBackup(BackupError):
    """An archive that cannot be trusted; `member` is where that showed, "" for the whole."""

    code = "malformed_backup"
    status = 422

    def __init__(self, member: str, reason: str) -> None:
        where = f"{member}: " if member else ""
        super().__init__(f"backup: {where}{reason}", member=member, reason=reason)
        self.member, self.reason = member, reason


class OtherRelease(BackupError):
    """The archive was made by a release whose tables are not those of this one."""

    code = "other_release"
    status = 409

    def __init__(self, differences: list[str]) -> None:
        named = ", ".join(differences[:5])
        super().__init__(
            f"the backup was made with other migrations ({named}): restore it with the release "
            "that made it, then upgrade",
            differences=differences,
        )
        self.differences = differences


class NotEmpty(BackupError):
    """A restore needs a database that was migrated and not used."""

    code = "not_empty"
    status = 409

    def __init__(self, table: str) -> None:
        super().__init__(f"the database is not empty: there are rows of {table}", table=table)
        self.table = table


class StoreChanged(BackupError):
    """A file is not as its row says: an erasure took it away meanwhile, or it is damaged."""

    code = "store_changed"
    status = 409

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name} is not as it was stored: start again if something was erased meanwhile, "
            "else see verify_store",
            name=name,
        )
        self.name = name
