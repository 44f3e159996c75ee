"""What differs between two versions, image by image; pixels are compared elsewhere.

`compare(a, b)` is the difference of two versions, whatever their history. `OLD...NEW` is the
difference from `merge_base(OLD, NEW)` to NEW: what one side did.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from django.db import connection
from django.db.models import Q

from datasets_app.changelog import get_changes, iter_changes
from datasets_app.entries import EntryChange, Facet
from datasets_app.errors import NoCommonAncestor, NotFound
from datasets_app.models import Version, VersionParent
from datasets_app.nodes import SqlNodes
from datasets_app.numbering import names_of
from datasets_app.tree import NodeStore, diff_roots, get_entries


class ImageChangeKind(StrEnum):
    """What became of an image."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class ChangedImage(NamedTuple):
    """An image that differs; `facets` say in what, where it is on both sides."""

    name: str
    kind: ImageChangeKind
    facets: tuple[Facet, ...]
    change: EntryChange

    @property
    def image_no(self) -> int:
        """The number of the image in the dataset."""
        return self.change.image_no


@dataclass(frozen=True, slots=True)
class ImageCounts:
    """How many images differ. `facets` counts the changed ones by what differs in them."""

    added: int
    removed: int
    changed: int
    unchanged: int
    facets: Mapping[Facet, int]


class ChangedPage(NamedTuple):
    """Changed images in the order of their numbers; `after` goes on, None at the end."""

    images: list[ChangedImage]
    after: int | None


def count_images(old: Version, new: Version, nodes: NodeStore | None = None) -> ImageCounts:
    """Count the images that differ: O(changes), whatever the number of images."""
    kinds: Counter[ImageChangeKind] = Counter()
    facets: Counter[Facet] = Counter()
    for change in diff_versions(old, new, nodes):
        kinds[kind_of(change)] += 1
        facets.update(change.facets)
    removed, changed = kinds[ImageChangeKind.REMOVED], kinds[ImageChangeKind.CHANGED]
    return ImageCounts(
        added=kinds[ImageChangeKind.ADDED],
        removed=removed,
        changed=changed,
        unchanged=old.image_count - removed - changed,
        facets=dict(facets),
    )


def diff_versions(
    old: Version, new: Version, nodes: NodeStore | None = None, *, after: int = -1
) -> Iterator[EntryChange]:
    """Yield what differs between two versions of a dataset, by image number.

    Neighbours are read from the change log, one row per change; others by walking both
    trees, where equal subtrees are skipped.
    """
    if old.root == new.root:
        return iter(())
    later = _later_neighbour(old, new)
    if later is not None:
        changes = iter_changes(later, after=after)
        return changes if later == new else (~change for change in changes)
    return diff_roots(nodes or SqlNodes(), old.root, new.root, after=after)


def changed_page(
    old: Version,
    new: Version,
    *,
    limit: int,
    after: int = -1,
    kind: ImageChangeKind | None = None,
    facet: Facet | None = None,
    nodes: NodeStore | None = None,
) -> ChangedPage:
    """Return changed images above `after`, in the order of their numbers.

    Looks at up to 4 · `limit` changes, so that a filter which few of them match gives a short
    page and a number to go on from, never a long search.
    """
    found: list[EntryChange] = []
    last, go_on = after, None
    changes = _look_ahead(old, new, nodes, after=after, limit=4 * limit + 1)
    for seen, change in enumerate(changes):
        if len(found) == limit or seen == 4 * limit:
            go_on = last
            break
        last = change.image_no
        if kind in (None, kind_of(change)) and (facet is None or facet in change.facets):
            found.append(change)
    return ChangedPage(with_names(new.dataset_id, found), go_on)


def find_change(old: Version, new: Version, image_no: int) -> EntryChange:
    """Return one image on both sides, also where it does not differ.

    Raises
    ------
    NotFound
        Neither version has it.
    """
    # Both trees in one walk: a look into each would take twice the queries.
    nodes = SqlNodes()
    change = next(diff_roots(nodes, old.root, new.root, after=image_no - 1, window=1), None)
    if change is not None and change.image_no == image_no:
        return change
    entry = get_entries(nodes, new.root, [image_no]).get(image_no)
    if entry is None:
        raise NotFound("image", str(image_no))
    return EntryChange(image_no, entry, entry)


def with_names(dataset_id: int, changes: list[EntryChange]) -> list[ChangedImage]:
    """Return changes with the names of their images; one query per 5,000."""
    names = names_of(dataset_id, [change.image_no for change in changes])
    return [
        ChangedImage(names[change.image_no], kind_of(change), change.facets, change)
        for change in changes
    ]


def kind_of(change: EntryChange) -> ImageChangeKind:
    """Return what became of the image."""
    if change.old is None:
        return ImageChangeKind.ADDED
    return ImageChangeKind.REMOVED if change.new is None else ImageChangeKind.CHANGED


def merge_base(a: Version, b: Version) -> Version:
    """Return the newest version that is an ancestor of both, or one of them; two queries.

    A version has a higher number than its ancestors, so the common ancestor with the
    highest number is no ancestor of another one.

    Raises
    ------
    NoCommonAncestor
        There is none.
    """
    links = connection.ops.quote_name(VersionParent._meta.db_table)
    versions = connection.ops.quote_name(Version._meta.db_table)
    ancestors = (
        "{side}(id) AS (SELECT CAST(%s AS bigint) UNION"
        f" SELECT p.parent_id FROM {links} p JOIN {{side}} ON p.version_id = {{side}}.id)"
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE {ancestors.format(side='ours')}, {ancestors.format(side='theirs')}"
            f" SELECT v.id FROM {versions} v JOIN ours ON ours.id = v.id"
            " JOIN theirs ON theirs.id = v.id ORDER BY v.number DESC LIMIT 1",
            [a.pk, b.pk],
        )
        row = cursor.fetchone()
    if row is None:
        raise NoCommonAncestor(a.id_hex, b.id_hex)
    return Version.objects.select_related("taxonomy_version__taxonomy").get(pk=row[0])


def _look_ahead(
    old: Version, new: Version, nodes: NodeStore | None, *, after: int, limit: int
) -> Iterator[EntryChange]:
    """As `diff_versions`, reading little more than `limit` changes."""
    if old.root == new.root:
        return iter(())
    later = _later_neighbour(old, new)
    if later is not None:
        changes = get_changes(later, after=after, limit=limit)
        return iter(changes) if later == new else (~change for change in changes)
    # A leaf that differs holds at least one change: with a window of so many nodes, most
    # of what is read is shown.
    window = max(limit // 8, 16)
    return diff_roots(nodes or SqlNodes(), old.root, new.root, after=after, window=window)


def _later_neighbour(old: Version, new: Version) -> Version | None:
    """Return the one whose first parent is the other; one query."""
    key = (
        VersionParent.objects.filter(
            Q(version=new, parent=old) | Q(version=old, parent=new), position=0
        )
        .values_list("version_id", flat=True)
        .first()
    )
    return {new.pk: new, old.pk: old}.get(key)


def find_renames(images: Iterable[ChangedImage]) -> dict[str, str]:
    """Return new name → old name of images that were removed and added with one photograph.

    A rename is no change of its own (RULES 6.1): this is how a page may show the two. Where
    one photograph has several names, they are paired in the order given.
    """
    removed: dict[bytes, list[str]] = defaultdict(list)
    added: list[tuple[bytes, str]] = []
    for image in images:
        side = image.change.old if image.kind == ImageChangeKind.REMOVED else image.change.new
        if image.kind == ImageChangeKind.CHANGED or side is None or side.image is None:
            continue
        if image.kind == ImageChangeKind.REMOVED:
            removed[side.image].append(image.name)
        else:
            added.append((side.image, image.name))
    return {name: removed[photo].pop(0) for photo, name in added if removed[photo]}
