"""The versions of a branch, newest first."""

from argparse import ArgumentParser
from typing import Any

from datasets_app.changelog import log
from datasets_app.management.console import ConsoleCommand, get_dataset
from datasets_app.models import Version
from datasets_app.revs import resolve


class Command(ConsoleCommand):
    help = "List the versions that lead to a revision, newest first"

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the dataset")
        parser.add_argument("rev", nargs="?", help="default: the default branch")
        parser.add_argument("--limit", type=int, default=50)

    def run(self, *, slug: str, rev: str | None, limit: int, **options: Any) -> None:
        dataset = get_dataset(slug)
        limit = max(limit, 1)
        # One more: it says whether the last one that is shown moved the taxonomy.
        found = log(resolve(dataset, rev or dataset.default_branch), limit=limit + 1)
        versions, parents = found[:limit], [*found[1:], None]
        if self.as_json:
            rows = zip(versions, parents, strict=False)
            self.print_json([_as_json(version, parent) for version, parent in rows])
            return
        for version, parent in zip(versions, parents, strict=False):
            when = f"{version.created_at:%Y-%m-%d %H:%M}"
            first_line = version.message.partition("\n")[0]
            self.stdout.write(
                f"v{version.number:<4} {version.id_hex[:12]}  {when}  {version.author_name:<12} "
                f"{version.image_count:>7} images {version.segment_count:>9} segments  {first_line}"
            )
            if _is_migration(version, parent):
                slug = version.taxonomy_version.taxonomy.slug
                before, after = parent.taxonomy_version.number, version.taxonomy_version.number
                self.stdout.write(f"      taxonomy {slug} {before} → {after}")


def _is_migration(version: Version, parent: Version | None) -> bool:
    return parent is not None and parent.taxonomy_version_id != version.taxonomy_version_id


def _as_json(version: Version, parent: Version | None) -> dict[str, Any]:
    taxonomy = version.taxonomy_version
    return {
        "id": version.id_hex,
        "number": version.number,
        "message": version.message,
        "author": version.author_name,
        "created_at": version.created_at.isoformat(),
        "parents": [link.parent.id_hex for link in version.parent_links.all()],
        "taxonomy": {"slug": taxonomy.taxonomy.slug, "number": taxonomy.number},
        "taxonomy_before": parent.taxonomy_version.number
        if parent is not None and _is_migration(version, parent)
        else None,
        "image_count": version.image_count,
        "segment_count": version.segment_count,
        "content_digest": bytes(version.content_digest).hex(),
    }
