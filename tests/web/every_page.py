"""Every page of the service, and a dataset that has something to show on each of them."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from django.urls import get_resolver, reverse
from django.utils import timezone

import web.urls
from datasets_app.actions.comparisons import compute_pixel_comparison
from datasets_app.actions.exports import ExportRequest
from datasets_app.actions.tags import create_tag
from datasets_app.actions.transfers import request_export
from datasets_app.distributions import get_distributions
from datasets_app.models import Dataset, Delivery, Job, JobState, Webhook
from datasets_app.webhooks.managing import create_webhook, ping_webhook
from labels_app.actions.drafts import edit_draft
from labels_app.actions.taxonomies import create_taxonomy
from labels_app.classes import ClassSpec
from labels_app.reading import reading_of
from people_app.actions.roles import grant_role, grant_team_role
from people_app.actions.teams import create_team
from people_app.actions.tokens import create_token
from people_app.models import User
from people_app.roles import Role
from tests.datasets_app.builders import author
from tests.web.builders import CAR, branch, history, member, migrated, shared_dataset

NAME = "alma"
# Where a path has these words, it has what the dataset of `full_town` calls so.
_WORDS = ("TAXONOMY", "JOB", "HOOK", "DELIVERY")

TOWN = "/datasets/town/"
CLASSES = "/taxonomies/TAXONOMY/"
# The name of a URL, and one path or more under which it is looked at.
PAGES: dict[str, tuple[str, ...]] = {
    "datasets": ("/",),
    "sign-in": ("/sign-in/",),
    "account": ("/account/",),
    "jobs": ("/jobs/",),
    "job": ("/jobs/JOB/",),
    "dataset": (TOWN,),
    "branches": (f"{TOWN}branches/",),
    "search": (f"{TOWN}search/", f"{TOWN}search/?q=car"),
    "version": (f"{TOWN}versions/v2/",),
    "statistics": tuple(
        f"{TOWN}statistics/v2:{part}/"
        for part in ("sizes", "instances", "places", "together", "history")
    ),
    "images": (f"{TOWN}images/v2/",),
    "image": (f"{TOWN}images/v2:1/",),
    "choose-comparison": (f"{TOWN}compare/",),
    "compare": (f"{TOWN}compare/v1..v2/",),
    "compare-image": (f"{TOWN}compare/v1..v2:1/",),
    "import": (f"{TOWN}import/",),
    "exports": (f"{TOWN}exports/",),
    "splits": (f"{TOWN}splits/",),
    "leaks": (f"{TOWN}leaks/v2/",),
    "dataset-members": (f"{TOWN}members/",),
    "dataset-settings": (f"{TOWN}settings/",),
    "dataset-audit": (f"{TOWN}settings/audit/",),
    "webhooks": (f"{TOWN}settings/webhooks/",),
    "webhook": (f"{TOWN}settings/webhooks/HOOK/",),
    "delivery": (f"{TOWN}settings/webhooks/HOOK/DELIVERY/",),
    "teams": ("/teams/",),
    "team": ("/teams/crew/",),
    "audit": ("/audit/",),
    "taxonomies": ("/taxonomies/",),
    "taxonomy": (CLASSES,),
    "taxonomy-version": (f"{CLASSES}versions/1/",),
    "taxonomy-class": (f"{CLASSES}classes/{CAR}/",),
    "taxonomy-draft": (f"{CLASSES}draft/",),
    "taxonomy-preview": (f"{CLASSES}draft/preview/",),
    "taxonomy-history": (f"{CLASSES}history/",),
    "taxonomy-compare": (f"{CLASSES}compare/1..2/",),
    "taxonomy-members": (f"{CLASSES}members/",),
    "taxonomy-mappings": (f"{CLASSES}mappings/",),
    "taxonomy-mapping": (f"{CLASSES}mappings/new/?to=other@1",),
}
# URLs that show no page of their own, and what they do instead.
NO_PAGES = {
    "provider": "leads to the sign-in page of the organisation",
    "provider-return": "is where that page leads back to",
    "theme": "is posted to",
    "sign-out": "is posted to",
    "jobs-mine": "answers a script",
    "job-cancel": "is posted to",
    "job-retry": "is posted to",
    "statistics-file": "is downloaded",
    "picture": "is a picture",
    "image-viewer": "answers a script",
    "compare-viewer": "answers a script",
    "compare-file": "is downloaded",
    "delivery-again": "is posted to",
    "taxonomy-move": "is posted to",
    "taxonomy-discard": "is posted to",
    "taxonomy-publish": "is posted to",
    "taxonomy-choose-comparison": "leads to the comparison that was chosen",
}


class OpenedPage(NamedTuple):
    """A page, and whether it is for who is not signed in."""

    path: str
    is_for_strangers: bool


def unlisted_names() -> set[str]:
    """The names of URLs that are neither in `PAGES` nor in `NO_PAGES`, or are gone."""
    names = {pattern.name for pattern in web.urls.urlpatterns}
    listed = [*PAGES, *NO_PAGES]
    assert len(listed) == len(set(listed))
    return names ^ set(listed)


def opened_pages(dataset: Dataset) -> list[OpenedPage]:
    """The paths of all pages, with what `full_town` made filled in."""
    job = Job.objects.filter(dataset=dataset, state=JobState.RUNNING).latest("created_at")
    words = {
        "TAXONOMY": dataset.taxonomy.slug,
        "JOB": str(job.pk),
        "HOOK": str(Webhook.objects.get().pk),
        "DELIVERY": str(Delivery.objects.get().pk),
    }
    found = []
    for name, paths in PAGES.items():
        for path in paths:
            for word in _WORDS:
                path = path.replace(word, words[word])
            assert get_resolver("web.urls").resolve(path.partition("?")[0]).url_name == name
            found.append(OpenedPage(path, path == reverse("web:sign-in")))
    return found


def full_town() -> Dataset:
    """A dataset of three versions with a branch, a tag, a draft, a team, jobs and a webhook.

    `NAME` administers it and owns its taxonomy.
    """
    dataset = shared_dataset("town")
    first, second = history(dataset)
    migrated(dataset, second)
    branch(dataset, "feature/night", first)
    alma = User.objects.create_user(NAME, password="correct horse")
    for resource, role in ((dataset, Role.ADMIN), (dataset.taxonomy, Role.OWNER)):
        grant_role(user=alma, resource=resource, role=role, actor=author())
    create_tag(dataset=dataset, name="release-1", version=first, actor=alma, message="Paper")
    member(dataset, "mia")
    team = create_team(slug="crew", actor=alma)
    grant_team_role(team=team, resource=dataset, role=Role.READER, actor=alma)
    create_taxonomy(slug="other", classes=[ClassSpec("land", "stuff", 1, "#808000")], actor=alma)
    create_token(user=alma, name="training box")
    draft = [{"op": "rename", "class": CAR, "name": "car"}]
    edit_draft(taxonomy=dataset.taxonomy, expected_revision=2, operations=draft, actor=alma)
    made = create_webhook(
        dataset=dataset, url="https://example.org/", events=["tag.created"], actor=alma
    )
    ping_webhook(webhook=made.webhook, actor=alma)
    request_export(second, ExportRequest("coco_panoptic"), actor=alma)
    _begin_import(dataset, alma)
    # What is counted once and kept is counted; whoever asks first pays more than who looks at it.
    compute_pixel_comparison(first, second)
    get_distributions(second, reading_of(second.taxonomy_version))
    return dataset


def _begin_import(dataset: Dataset, alma: User) -> None:
    now = timezone.now()
    Job.objects.create(
        dataset=dataset,
        kind="import",
        state=JobState.RUNNING,
        requested_by=alma,
        lease=1,
        done=300,
        total=900,
        started_at=now,
        progressed_at=now,
        lease_expires_at=now + timedelta(hours=1),
    )
