"""What differs between two versions."""

from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from datasets_app.actions.comparisons import compute_pixel_comparison, find_pixel_comparison
from datasets_app.bulk import batched
from datasets_app.comparison import (
    ChangedImage,
    count_images,
    diff_versions,
    merge_base,
    with_names,
)
from datasets_app.management.console import ConsoleCommand, add_taxonomy_argument, get_dataset
from datasets_app.models import Dataset, Version
from datasets_app.pixels.counting import PairCounts
from datasets_app.pixels.images import change_json, diff_image
from datasets_app.pixels.pairs import get_pair_counts, pair_of
from datasets_app.revs import resolve, split_comparison
from datasets_app.taxonomy_access import get_read_by
from datasets_app.taxonomy_comparison import TaxonomyComparison, compare_taxonomies
from labels_app.reading import Reading

_BATCH = 1_000


class Command(ConsoleCommand):
    help = "Show which images and segments differ between two versions"

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the dataset")
        parser.add_argument(
            "old", help="a revision; or OLD..NEW, OLD...NEW (from their merge base)"
        )
        parser.add_argument("new", nargs="?", help="a revision")
        parser.add_argument("--image", help="only this image, with its segment changes")
        parser.add_argument("--stat", action="store_true", help="totals only")
        add_taxonomy_argument(parser)

    def run(
        self,
        *,
        slug: str,
        old: str,
        new: str | None,
        image: str | None,
        stat: bool,
        taxonomy: str,
        **options: Any,
    ) -> None:
        old_version, new_version = _resolve_both(get_dataset(slug), old, new)
        read_by = get_read_by([old_version, new_version], user=None, under=taxonomy)
        reading = read_by.reading
        if image is not None:
            self._show_image(old_version, new_version, image, reading)
            return
        comparison = find_pixel_comparison(old_version, new_version, reading)
        if comparison is None or not comparison.is_ready:
            with self.progress("Comparing") as progress:
                comparison = compute_pixel_comparison(
                    old_version, new_version, progress, reading=reading
                )
        taxonomies = compare_taxonomies(old_version, new_version, read_by)
        counts = count_images(old_version, new_version)
        body = {
            "old": old_version.id_hex,
            "new": new_version.id_hex,
            "images": {
                "added": counts.added,
                "removed": counts.removed,
                "changed": counts.changed,
                "unchanged": counts.unchanged,
            },
            "taxonomy": taxonomies.to_json(),
            **comparison.totals,
        }
        changed = () if stat else _iter_changed(old_version, new_version, reading)
        if self.as_json:
            rows = [_image_json(image, counts) for image, counts in changed]
            self.print_json(body if stat else body | {"changed_images": rows})
        else:
            self._tell_taxonomies(taxonomies)
            self._tell(body, changed)

    def _tell_taxonomies(self, taxonomies: TaxonomyComparison) -> None:
        if taxonomies.same:
            return
        old, new = taxonomies.old, taxonomies.new
        self.stdout.write(f"taxonomy {old.taxonomy.slug} {old.number} → {new.number}")
        for line in taxonomies.sentences():
            self.stdout.write(f"  {line}")

    def _tell(self, body: dict[str, Any], changed: Any) -> None:
        marks = {"added": "+", "removed": "-", "changed": "~"}
        for image, counts in changed:
            segments = _segment_words(counts)
            facets = ", ".join(image.facets) if image.kind == "changed" else ""
            self.stdout.write(f"{marks[image.kind]} {image.name}  {facets}{segments}")
        images = ", ".join(f"{number} {word}" for word, number in body["images"].items())
        segments = ", ".join(
            f"{number} {word}" for word, number in body["segments"].items() if number
        )
        pixels, quality = body["pixels"], body["quality"]
        self.stdout.write(f"images:   {images}")
        self.stdout.write(f"segments: {segments or 'no change'}")
        share = pixels["changed"] / pixels["total"] if pixels["total"] else 0.0
        self.stdout.write(f"pixels:   {pixels['changed']:,} changed ({share:.2%})")
        words = [
            f"{name.upper()} {quality[name]:.4f}" for name in ("pq", "sq", "rq") if quality[name]
        ]
        self.stdout.write(f"quality:  {', '.join(words) or 'undefined'} (old is the truth)")

    def _show_image(self, old: Version, new: Version, name: str, reading: Reading) -> None:
        found = diff_image(old, new, name, reading=reading)
        if self.as_json:
            self.print_json(found.to_json())
            return
        if not found.diff:
            self.stdout.write("no segment differs")
        for change in found.diff.changes if found.diff else ():
            row = change_json(change, found.reading)
            iou = f"  IoU {row['iou']:.3f}" if row["iou"] is not None else ""
            self.stdout.write(
                f"{row['kind']:<12} {_sides(row)}  {row['changed_pixels']:,} pixels{iou}"
            )


def _resolve_both(dataset: Dataset, old: str, new: str | None) -> tuple[Version, Version]:
    if new is not None:
        return resolve(dataset, old), resolve(dataset, new)
    spec = split_comparison(old)
    old_version, new_version = resolve(dataset, spec.old), resolve(dataset, spec.new)
    return (merge_base(old_version, new_version) if spec.from_base else old_version), new_version


def _iter_changed(
    old: Version, new: Version, reading: Reading
) -> Iterator[tuple[ChangedImage, PairCounts | None]]:
    for batch in batched(diff_versions(old, new), _BATCH):
        pairs = {change.image_no: pair_of(change) for change in batch}
        counts = get_pair_counts([pair for pair in pairs.values() if pair], reading)
        for image in with_names(new.dataset_id, batch):
            pair = pairs[image.image_no]
            yield image, counts[pair] if pair else None


def _image_json(image: ChangedImage, counts: PairCounts | None) -> dict[str, Any]:
    changes = counts.summary.changes if counts else {}
    return {
        "name": image.name,
        "kind": image.kind,
        "facets": list(image.facets),
        "segments": {kind.value: number for kind, number in changes.items() if number},
        "changed_pixels": counts.summary.changed_pixels if counts else 0,
    }


def _segment_words(counts: PairCounts | None) -> str:
    if counts is None:
        return ""
    words = [f"{number} {kind}" for kind, number in counts.summary.changes.items() if number]
    return f"  {', '.join(words)}; {counts.summary.changed_pixels:,} pixels" if words else ""


def _sides(row: dict[str, Any]) -> str:
    def side(segments: list[dict[str, Any]]) -> str:
        return " + ".join(f"{s['class_name']} {s['id']}" for s in segments) or "–"

    return f"{side(row['old'])} → {side(row['new'])}"
