"""Finding what a URL names, among what the one who asks may see."""

from __future__ import annotations

from typing import NamedTuple

from django.db.models import Exists, OuterRef, QuerySet
from django.http import Http404, HttpRequest

from datasets_app.comparison import merge_base
from datasets_app.errors import AmbiguousRevision, NoCommonAncestor, NotFound
from datasets_app.models import Dataset, Version
from datasets_app.names import is_storable
from datasets_app.revs import resolve, split_comparison
from people_app.roles import Role
from web.sentences import sentence


class Unrelated(Http404):
    """Two versions without a common ancestor were asked for what one side did alone."""

    def __init__(self, message: str, old_rev: str, new_rev: str) -> None:
        super().__init__(message)
        self.old_rev, self.new_rev = old_rev, new_rev


class Sides(NamedTuple):
    """The two versions of a comparison, and how the URL names them.

    With `from_base`, `old` is the merge base of the two that are named.
    """

    old: Version
    new: Version
    old_rev: str
    new_rev: str
    from_base: bool

    @property
    def named(self) -> tuple[tuple[str, Version], tuple[str, Version]]:
        """Both versions with the name of their side."""
        return ("old", self.old), ("new", self.new)

    @property
    def swapped_spec(self) -> str:
        """The comparison back."""
        dots = "..." if self.from_base else ".."
        return f"{self.new_rev}{dots}{self.old_rev}"

    @property
    def since_parent_spec(self) -> str:
        """What the new side changed of its first parent."""
        return f"v{self.new.number}~1..v{self.new.number}"


def get_dataset(request: HttpRequest, slug: str) -> Dataset:
    """Return a dataset that the user may read; else 404, so that nobody learns that it exists.

    `may_write`, `may_review` and `may_administer` say, in the same query, which tabs it has.
    """
    mine = Dataset.objects.filter(pk=OuterRef("pk"))
    found = Dataset.objects.visible_to(request.user).annotate(
        may_write=Exists(mine.visible_to(request.user, Role.ANNOTATOR)),
        may_review=Exists(mine.visible_to(request.user, Role.REVIEWER)),
        may_administer=Exists(mine.visible_to(request.user, Role.ADMIN)),
    )
    dataset = (
        found.select_related("taxonomy").filter(slug=slug).first() if is_storable(slug) else None
    )
    if dataset is None:
        raise Http404(f"There is no dataset “{slug}”, or it is not shared with you.")
    return dataset


def get_version(dataset: Dataset, rev: str) -> Version:
    """Return the version that `rev` names, with author, taxonomy and change counts; else 404."""
    return _resolve(dataset, rev)


def get_sides(dataset: Dataset, spec: str) -> Sides:
    """Return both versions of `OLD..NEW` or `OLD...NEW`; else 404, `Unrelated` among them."""
    parts = split_comparison(spec)
    old, new = _resolve(dataset, parts.old), _resolve(dataset, parts.new)
    if parts.from_base:
        try:
            old = _with_facts().get(pk=merge_base(old, new).pk)
        except NoCommonAncestor as error:
            raise Unrelated(sentence(error), parts.old, parts.new) from error
        old.dataset = dataset
    return Sides(old, new, parts.old, parts.new, parts.from_base)


def _resolve(dataset: Dataset, rev: str) -> Version:
    try:
        version = resolve(dataset, rev, _with_facts())
    except (NotFound, AmbiguousRevision) as error:
        raise Http404(sentence(error)) from error
    version.dataset = dataset
    return version


def _with_facts() -> QuerySet[Version]:
    return Version.objects.select_related("author", "change_set", "taxonomy_version__taxonomy")
