"""A working copy: where it is, where it comes from, and the version that its files were made of."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tessera.cache import Cache
from tessera.config import Config
from tessera.errors import ConflictError, NotFound, UsageError
from tessera.progress import Progress, silent
from tessera.pulling import PullRequest, pull
from tessera.service import Service, connect
from tessera.snapshot import Snapshot, find_snapshot
from tessera.working_copy.naming import check_names

if TYPE_CHECKING:
    from tessera.working_copy.pending import Pending

_FORM = 1
_STATE_FOLDER = ".tessera"


@dataclass(frozen=True)
class Origin:
    """Where a working copy comes from.

    branch : where a push goes; "" where a tag or an id was checked out
    version : the full id of the version that the files were made of
    filter, labels_only : what was left out; see `PullRequest`
    """

    url: str
    dataset: str
    branch: str
    version: str
    filter: str = ""
    labels_only: bool = False


class WorkingCopy:
    """A folder that holds a version; `origin` is kept in it."""

    def __init__(self, folder: Path, config: Config) -> None:
        self.folder, self.config = folder, config
        self.origin = _read_origin(self.state_folder / "origin.json")
        # What a command that was killed had begun, and this one has done to its end.
        self.finished: Pending | None = None

    def __repr__(self) -> str:
        return f"<WorkingCopy {self.folder}: {self.origin.dataset}@{self.origin.version[:12]}>"

    @property
    def state_folder(self) -> Path:
        """What Tessera itself keeps there."""
        return self.folder / _STATE_FOLDER

    @property
    def document_path(self) -> Path:
        """The JSON of all images."""
        return self.folder / "panoptic.json"

    @property
    def png_folder(self) -> Path:
        """The PNGs."""
        return self.folder / "panoptic"

    @property
    def photo_folder(self) -> Path:
        """The photographs."""
        return self.folder / "images"

    @property
    def index_path(self) -> Path:
        """What the files were when they were written."""
        return self.state_folder / "index.sqlite3"

    @property
    def pending_path(self) -> Path:
        """The update that is under way; no such file: none is."""
        return self.state_folder / "update.json"

    @property
    def request(self) -> PullRequest:
        """What a pull of the version asks for."""
        origin = self.origin
        return PullRequest(origin.dataset, origin.version, origin.filter, origin.labels_only)

    @cached_property
    def service(self) -> Service:
        """The service that it comes from."""
        return connect(self.origin.url, config=self.config)

    def base(self, *, progress: Progress = silent) -> Snapshot:
        """Return the version that the files were made of, from the cache where it is there."""
        return self.at(self.origin.version, progress=progress)

    def at(self, version: str, *, progress: Progress = silent) -> Snapshot:
        """Return a version by its full id, from the cache where all of it is there."""
        request = self.request._replace(rev=version)
        found = find_snapshot(self.config.cache_dir, self.origin.url, request)
        return found or self.pull(request, progress=progress)

    def pull(self, request: PullRequest, *, progress: Progress = silent) -> Snapshot:
        """Return a version of the dataset; what is missing in the cache travels."""
        with Cache(self.config.cache_dir) as cache:
            pulled = pull(self.service.connection, cache, request, progress=progress)
        return Snapshot(pulled.folder, self.config.cache_dir)

    def keep_origin(self, origin: Origin) -> None:
        """Say that the files come from another version or branch now."""
        _write_origin(self.state_folder / "origin.json", origin)
        self.origin = origin


def find_working_copy(start: Path, config: Config) -> WorkingCopy:
    """Return the working copy that a folder lies in; what was broken off in it is done first.

    Raises
    ------
    NotFound
        It lies in none.
    ConflictError
        Its clone was broken off, or another command is writing it.
    """
    from tessera.working_copy.updating import finish_update

    for folder in (start.resolve(), *start.resolve().parents):
        state = folder / _STATE_FOLDER
        if not (state / "origin.json").exists():
            continue
        if (state / "unfinished").exists():
            raise ConflictError(
                f"the clone into {folder} was broken off: the same `tessera clone` goes on",
                code="unfinished_clone",
            )
        copy = WorkingCopy(folder, config)
        finish_update(copy)
        return copy
    raise NotFound(f"{start} lies in no working copy: `tessera clone` makes one")


def clone(
    service: Service,
    folder: Path,
    request: PullRequest,
    *,
    progress: Progress = silent,
    writing: Progress = silent,
) -> WorkingCopy:
    """Make a folder of a version's files.

    A clone that breaks off is gone on with by the same call, at the version where it was.

    Raises
    ------
    ConflictError
        The folder holds something else, or the beginning of another clone.
    UsageError
        The disk cannot hold files of these names, as `check_names` says; nothing was written.
    NotFound, UsageError, NetworkError, DamagedError
        As `pull` says.
    """
    from tessera.working_copy.writing import write_snapshot

    state = folder / _STATE_FOLDER
    branch = _branch_of(service, request)
    begun = _begun(folder, service, request, branch)
    if begun is not None:
        request = request._replace(rev=begun.version)
    with Cache(service.config.cache_dir) as cache:
        pulled = pull(service.connection, cache, request, progress=progress)
    snapshot = Snapshot(pulled.folder, service.config.cache_dir)
    check_names(snapshot.table, folder, labels_only=request.labels_only)
    state.mkdir(parents=True, exist_ok=True)
    (state / "unfinished").touch()
    origin = Origin(
        url=service.connection.url,
        dataset=request.slug,
        branch=branch,
        version=pulled.version["id"],
        filter=request.filter,
        labels_only=request.labels_only,
    )
    _write_origin(state / "origin.json", origin)
    copy = WorkingCopy(folder, service.config)
    write_snapshot(copy, snapshot, progress=writing)
    (state / "unfinished").unlink()
    return copy


def _begun(folder: Path, service: Service, request: PullRequest, branch: str) -> Origin | None:
    """Return the clone that was broken off in a folder, None where it is empty."""
    state = folder / _STATE_FOLDER
    if not folder.exists() or not any(folder.iterdir()):
        return None
    if not (state / "origin.json").exists() and [*folder.iterdir()] == [state]:
        return None
    if not (state / "unfinished").exists():
        raise ConflictError(f"{folder} exists and is not empty", code="target_exists")
    begun = _read_origin(state / "origin.json")
    wanted = Origin(
        url=service.connection.url,
        dataset=request.slug,
        branch=branch,
        version=begun.version,
        filter=request.filter,
        labels_only=request.labels_only,
    )
    if begun != wanted:
        told = f"{folder} holds the beginning of another clone, of {begun.dataset}"
        raise ConflictError(told, code="target_exists")
    return begun


def _branch_of(service: Service, request: PullRequest) -> str:
    """Return the branch of this name, "" where the revision is none.

    Raises `NotFound` where nothing was ever committed to it: no version, no files.
    """
    try:
        found: Mapping[str, Any] = service.connection.get(
            f"/datasets/{request.slug}/branches/{request.rev}/"
        )
    except NotFound:
        return ""
    if found["head"] is None:
        address = f"{service.connection.url}/{request.slug}"
        raise NotFound(
            f"{found['name']} of {request.slug} has no version yet: `tessera import PATH"
            f" --format FORMAT --dataset {address}` makes the first one, then clone",
            code="no_version",
        )
    return str(found["name"])


def _read_origin(path: Path) -> Origin:
    plain = json.loads(path.read_text(encoding="utf-8"))
    if plain.pop("form", None) != _FORM:
        raise UsageError(f"{path}: made by another release of tessera; clone anew")
    return Origin(**plain)


def _write_origin(path: Path, origin: Origin) -> None:
    write_json(path, {"form": _FORM, **asdict(origin)})


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a file of what Tessera itself keeps: all of it or nothing, durable on return."""
    new = path.with_name(path.name + ".new")
    with new.open("w", encoding="utf-8") as file:
        json.dump(document, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
