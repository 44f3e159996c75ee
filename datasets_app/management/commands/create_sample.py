"""A generated dataset to try everything on."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from datasets_app.actions.sample import create_sample
from datasets_app.management.console import ConsoleCommand, get_operator
from datasets_app.models import Version, Visibility
from datasets_app.sample.story import MAX_IMAGES, MIN_IMAGES, SampleStory


class Command(ConsoleCommand):
    help = "Generate a dataset: photographs, exact labels, several versions"

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the dataset to make")
        parser.add_argument(
            "--images", type=int, default=48, help=f"{MIN_IMAGES} to {MAX_IMAGES:,} (default: 48)"
        )
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--tiny", action="store_true", help="32×32 labels without photographs")
        parser.add_argument("--no-photos", action="store_true", help="labels only")
        parser.add_argument("--public", action="store_true", help="everybody may read it")
        parser.add_argument("--user", help="who owns it (default: the operator account)")

    def run(self, *, slug: str, images: int, seed: int, **options: Any) -> None:
        try:
            story = SampleStory(seed, images, tiny=options["tiny"])
        except ValueError as error:
            raise CommandError(str(error)) from error
        with self.progress("Drawing images") as progress:
            dataset = create_sample(
                slug,
                story,
                actor=get_operator(options["user"]),
                photos=not options["no_photos"],
                visibility=Visibility.PUBLIC if options["public"] else Visibility.PRIVATE,
                progress=progress,
            )
        versions = Version.objects.filter(dataset=dataset).order_by("number")
        if self.as_json:
            ids = [version.id_hex for version in versions]
            self.print_json({"dataset": slug, "seed": seed, "images": images, "versions": ids})
            return
        for version in versions:
            self.stdout.write(f"v{version.number} {version.id_hex[:12]}  {version.message}")
