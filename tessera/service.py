"""The SDK's way in: `tessera.connect(url).dataset("streets").pull("v1.0")`."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any

from tessera.config import Config, clean_url, load_config
from tessera.errors import ObjectCorrupt, UsageError
from tessera.http import Connection
from tessera.progress import Progress, silent

if TYPE_CHECKING:
    from tessera.snapshot import Snapshot


def connect(
    url: str | None = None, token: str | None = None, *, config: Config | None = None
) -> Service:
    """Return a service to ask; nothing is sent yet.

    Parameters
    ----------
    url
        Default: TESSERA_URL, else the service that `tessera login` signed in to last.
    token
        Default: TESSERA_TOKEN, else what `tessera login` kept for this service; without any, what
        everybody may see is there.

    Raises
    ------
    UsageError
        No service is known.
    """
    config = config or load_config()
    known = clean_url(url) if url else config.url
    if not known:
        message = "no service is known: give its address, set TESSERA_URL or sign in"
        raise UsageError(message, code="service_unknown")
    return Service(known, config.token_of(known) if token is None else token, config)


class Service:
    """A Tessera service, as one person sees it."""

    def __init__(self, url: str, token: str, config: Config) -> None:
        self.connection = Connection(url, token, connections=config.connections)
        self.config = config

    def __repr__(self) -> str:
        return f"<Service {self.connection.url}>"

    def datasets(self) -> Iterator[RemoteDataset]:
        """Yield the datasets that one may see."""
        for row in self.connection.pages("/datasets/"):
            yield RemoteDataset(self, row["slug"], row)

    def dataset(self, slug: str) -> RemoteDataset:
        """Return a dataset by its slug; what it holds is asked for when it is needed."""
        if not slug or "/" in slug:
            raise UsageError(f"{slug!r} is no slug of a dataset")
        return RemoteDataset(self, slug)


class RemoteDataset:
    """A dataset of a service."""

    def __init__(self, service: Service, slug: str, about: Mapping[str, Any] | None = None) -> None:
        self._service, self.slug = service, slug
        if about is not None:
            self.about = about

    def __repr__(self) -> str:
        return f"<RemoteDataset {self.slug} of {self._service.connection.url}>"

    @cached_property
    def about(self) -> Mapping[str, Any]:
        """Title, description, default branch, visibility, one's own role."""
        found: Mapping[str, Any] = self._service.connection.get(f"/datasets/{self.slug}/")
        return found

    @property
    def default_branch(self) -> str:
        """The branch that is meant where none is named."""
        return str(self.about["default_branch"])

    def version(self, rev: str | None = None) -> Mapping[str, Any]:
        """Return a version by revision: branch, tag, `v12`, id, `main~2`."""
        found: Mapping[str, Any] = self._service.connection.get(self._path_of(rev))
        return found

    def versions(self, branch: str | None = None) -> Iterator[Mapping[str, Any]]:
        """Yield versions, newest first; of one branch, or all there are."""
        yield from self._service.connection.pages(f"/datasets/{self.slug}/versions/", branch=branch)

    def stats(self, rev: str | None = None) -> Mapping[str, Any]:
        """Return how many images, segments and pixels a version has, by class and split."""
        found: Mapping[str, Any] = self._service.connection.get(f"{self._path_of(rev)}stats/")
        return found

    def _path_of(self, rev: str | None) -> str:
        from tessera.pulling.asking import PullRequest

        return PullRequest(self.slug, rev or self.default_branch).version_path

    def pull(
        self,
        rev: str | None = None,
        *,
        split: str | None = None,
        classes: Sequence[str] = (),
        status: str | None = None,
        prefix: str = "",
        filter: str = "",
        labels_only: bool = False,
        progress: Progress = silent,
    ) -> Snapshot:
        """Return an exact version; only what the local cache lacks travels.

        By its full id, which never means another version, what was pulled before needs no service.

        Parameters
        ----------
        rev
            Branch, tag, `v12`, id or `main~2`; default: the head of the default branch.
        split, classes, status, prefix
            Choose images; of several classes an image must have all.
        filter
            The same in words, and more: `class:car count>3 split:val`.
        labels_only
            Leave the photographs where they are.

        Raises
        ------
        NotFound, UsageError, NetworkError, DamagedError
        """
        from tessera.cache import Cache
        from tessera.pulling import PullRequest, pull
        from tessera.snapshot import Snapshot, find_snapshot

        words = filter_of(split=split, classes=classes, status=status, prefix=prefix, more=filter)
        request = PullRequest(self.slug, rev or self.default_branch, words, labels_only)
        folder = self._service.config.cache_dir
        # What is damaged there is pulled anew, as is what is not there.
        with suppress(ObjectCorrupt):
            found = find_snapshot(folder, self._service.connection.url, request)
            if found is not None:
                return found
        with Cache(folder) as cache:
            pulled = pull(self._service.connection, cache, request, progress=progress)
        return Snapshot(pulled.folder, folder)


def filter_of(
    *,
    split: str | None = None,
    classes: Sequence[str] = (),
    status: str | None = None,
    prefix: str = "",
    more: str = "",
) -> str:
    """Return conditions in the words of a filter; the same conditions give the same words."""
    words = [f"class:{shlex.quote(name)}" for name in sorted(classes)]
    if split is not None:
        words.append(f"split:{shlex.quote(split)}")
    if status is not None:
        words.append(f"status:{shlex.quote(status)}")
    if prefix:
        words.append(f"prefix:{shlex.quote(prefix)}")
    return " ".join([*words, *([more.strip()] if more.strip() else [])])
