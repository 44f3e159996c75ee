"""The paths of the API. Their order matters: see `api.converters`."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase, HttpResponsePermanentRedirect
from django.urls import Resolver404, path, re_path, register_converter, resolve
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from api import (
    audit,
    blobs,
    branches,
    changed_images,
    class_usage,
    commits,
    compare,
    converters,
    dataset_members,
    datasets,
    distributions,
    docs,
    exports,
    health,
    image_views,
    images,
    imports,
    jobs,
    leaks,
    lfs,
    merges,
    metrics,
    migrations,
    pull,
    resumable_uploads,
    reverts,
    segment_crops,
    splits,
    tags,
    taxonomies,
    taxonomy_drafts,
    taxonomy_history,
    taxonomy_mappings,
    taxonomy_members,
    taxonomy_pictures,
    taxonomy_presets,
    taxonomy_previews,
    teams,
    tokens,
    versions,
    violations,
    webhooks,
    workers,
)
from api.errors import Problem

register_converter(converters.RevisionConverter, "revision")
register_converter(converters.ImageNumberConverter, "image_no")
register_converter(converters.DigestConverter, "digest")


class Nothing(APIView):
    """Every path below /api/ that nothing else answers."""

    permission_classes = []

    @extend_schema(exclude=True)
    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        """Lead who left out the last slash to it; for all others there is nothing here."""
        asked = request.path_info
        if request.method in ("GET", "HEAD") and not _is_file(asked) and _is_path(f"{asked}/"):
            query = request.META.get("QUERY_STRING", "")
            target = request.build_absolute_uri(f"{request.path}/")
            return HttpResponsePermanentRedirect(f"{target}?{query}" if query else target)
        return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """Answer 404 whatever the method is."""
        raise Problem(404, "not_found", f"there is nothing at {request.path}")


def _is_file(path_info: str) -> bool:
    """Say whether a path ends as those of files do: with a slash a revision would swallow it."""
    return path_info.rpartition("/")[2] in _FILES


def _is_path(path_info: str) -> bool:
    try:
        found = resolve(path_info)
    except Resolver404:
        return False
    return getattr(found.func, "cls", Nothing) is not Nothing


_DATASET = "api/v1/datasets/<slug:slug>/"
_VERSION = f"{_DATASET}versions/<revision:rev>/"
_IMAGE = f"{_VERSION}images/<image_no:number>/"
_COMPARE = f"{_DATASET}compare/<revision:spec>/"
_WEBHOOK = f"{_DATASET}webhooks/<uuid:webhook_id>/"
_TAXONOMY = "api/v1/taxonomies/<slug:slug>/"

urlpatterns = [
    path("api/v1/datasets/", datasets.DatasetList.as_view()),
    path(_DATASET, datasets.DatasetDetail.as_view()),
    path(f"{_DATASET}imports/", imports.ImportList.as_view()),
    path(f"{_DATASET}exports/", exports.ExportList.as_view()),
    path(f"{_DATASET}uploads/", resumable_uploads.UploadList.as_view()),
    path(f"{_DATASET}uploads/<uuid:upload_id>/", resumable_uploads.UploadDetail.as_view()),
    path(f"{_DATASET}lfs/objects/batch", lfs.LfsBatch.as_view()),
    path(f"{_DATASET}pull/", pull.Pull.as_view()),
    path(f"{_DATASET}pull/leases/<uuid:lease_id>/", pull.PullLease.as_view()),
    path(f"{_DATASET}pull/ranges/<str:address>", pull.PullRange.as_view()),
    path(f"{_DATASET}blobs/", blobs.BlobList.as_view()),
    path(f"{_DATASET}blobs/fetch/", blobs.BlobFetch.as_view()),
    path(f"{_DATASET}blobs/missing/", blobs.BlobsMissing.as_view()),
    path(f"{_DATASET}blobs/<digest:digest>", blobs.BlobDetail.as_view()),
    path(f"{_DATASET}versions/", versions.VersionList.as_view()),
    path(f"{_IMAGE}photo", image_views.Photo.as_view()),
    path(f"{_IMAGE}panoptic.png", image_views.PanopticPng.as_view()),
    path(f"{_IMAGE}panoptic.json", image_views.PanopticJson.as_view()),
    path(f"{_IMAGE}semantic.png", image_views.SemanticPng.as_view()),
    path(f"{_IMAGE}instances.json", image_views.InstancesJson.as_view()),
    path(f"{_IMAGE}overlay.png", image_views.OverlayPng.as_view()),
    path(f"{_IMAGE}thumbnail.webp", image_views.ThumbnailWebp.as_view()),
    path(
        f"{_IMAGE}segments/<image_no:segment_id>/crop.webp",
        segment_crops.SegmentCrop.as_view(),
    ),
    path(f"{_IMAGE}history/", images.ImageHistoryList.as_view()),
    path(_IMAGE, images.ImageDetail.as_view()),
    path(f"{_VERSION}images/", images.ImageList.as_view()),
    path(f"{_VERSION}manifest", pull.VersionManifest.as_view()),
    path(f"{_VERSION}stats/", versions.VersionStatsDetail.as_view()),
    path(f"{_VERSION}distributions/", distributions.VersionDistributionsDetail.as_view()),
    path(f"{_VERSION}classes/<image_no:class_id>/history/", class_usage.ClassHistoryList.as_view()),
    path(
        f"{_VERSION}classes/<image_no:class_id>/samples/", segment_crops.SegmentSampleList.as_view()
    ),
    path(f"{_VERSION}leaks/", leaks.LeakList.as_view()),
    path(f"{_VERSION}violations/", violations.ViolationList.as_view()),
    path(_VERSION, versions.VersionDetail.as_view()),
    path(f"{_COMPARE}images/<image_no:number>/change.png", compare.ChangePng.as_view()),
    path(f"{_COMPARE}images/<image_no:number>/", compare.ImageComparison.as_view()),
    path(f"{_COMPARE}images/", changed_images.ChangedImageList.as_view()),
    path(_COMPARE, compare.Comparison.as_view()),
    path(f"{_DATASET}branches/", branches.BranchList.as_view()),
    path(f"{_DATASET}branches/<revision:name>/commits/", commits.CommitList.as_view()),
    path(f"{_DATASET}branches/<revision:name>/merge-preview/", merges.MergePreviewDetail.as_view()),
    path(f"{_DATASET}branches/<revision:name>/merges/", merges.MergeList.as_view()),
    path(f"{_DATASET}branches/<revision:name>/reverts/", reverts.RevertList.as_view()),
    path(f"{_DATASET}branches/<revision:name>/migrations/", migrations.MigrationList.as_view()),
    path(f"{_DATASET}branches/<revision:name>/splits/", splits.SplitList.as_view()),
    path(f"{_DATASET}branches/<revision:name>/", branches.BranchDetail.as_view()),
    path(f"{_DATASET}members/", dataset_members.MemberList.as_view()),
    path(f"{_DATASET}members/<str:username>/", dataset_members.MemberDetail.as_view()),
    path(f"{_DATASET}teams/", dataset_members.TeamList.as_view()),
    path(f"{_DATASET}teams/<slug:team>/", dataset_members.TeamDetail.as_view()),
    path(f"{_DATASET}tags/", tags.TagList.as_view()),
    path(f"{_DATASET}tags/<revision:name>/", tags.TagDetail.as_view()),
    path(f"{_DATASET}webhooks/", webhooks.WebhookList.as_view()),
    path(_WEBHOOK, webhooks.WebhookDetail.as_view()),
    path(f"{_WEBHOOK}secret/", webhooks.WebhookSecret.as_view()),
    path(f"{_WEBHOOK}test/", webhooks.WebhookTest.as_view()),
    path(f"{_WEBHOOK}deliveries/", webhooks.DeliveryList.as_view()),
    path(f"{_WEBHOOK}deliveries/<uuid:delivery_id>/", webhooks.DeliveryDetail.as_view()),
    path(f"{_WEBHOOK}deliveries/<uuid:delivery_id>/redeliver/", webhooks.DeliveryAgain.as_view()),
    path("api/v1/taxonomies/", taxonomies.TaxonomyList.as_view()),
    path(_TAXONOMY, taxonomies.TaxonomyDetail.as_view()),
    path(f"{_TAXONOMY}versions/", taxonomies.TaxonomyVersionList.as_view()),
    path(f"{_TAXONOMY}versions/<int:number>/", taxonomies.TaxonomyVersionDetail.as_view()),
    path(f"{_TAXONOMY}compare/<str:spec>/", taxonomy_history.TaxonomyComparison.as_view()),
    path(f"{_TAXONOMY}history/", taxonomy_history.TaxonomyEventList.as_view()),
    path(f"{_TAXONOMY}draft/", taxonomy_drafts.DraftDetail.as_view()),
    path(f"{_TAXONOMY}draft/operations/", taxonomy_drafts.DraftOperations.as_view()),
    path(f"{_TAXONOMY}draft/publish/", taxonomy_drafts.DraftPublication.as_view()),
    path(f"{_TAXONOMY}draft/preview/", taxonomy_previews.TaxonomyPreview.as_view()),
    path(f"{_TAXONOMY}classes/<image_no:class_id>/", class_usage.ClassUsageDetail.as_view()),
    path(f"{_TAXONOMY}members/", taxonomy_members.MemberList.as_view()),
    path(f"{_TAXONOMY}members/<str:username>/", taxonomy_members.MemberDetail.as_view()),
    path(f"{_TAXONOMY}teams/", taxonomy_members.TeamList.as_view()),
    path(f"{_TAXONOMY}teams/<slug:team>/", taxonomy_members.TeamDetail.as_view()),
    path(f"{_TAXONOMY}mappings/", taxonomy_mappings.MappingList.as_view()),
    path(f"{_TAXONOMY}mappings/proposal/", taxonomy_mappings.MappingProposal.as_view()),
    path(
        f"{_TAXONOMY}mappings/<slug:target>/<int:number>/",
        taxonomy_mappings.MappingDetail.as_view(),
    ),
    path(f"{_TAXONOMY}pictures/", taxonomy_pictures.PictureList.as_view()),
    path(f"{_TAXONOMY}pictures/<str:digest>", taxonomy_pictures.PictureDetail.as_view()),
    path("api/v1/taxonomy-presets/", taxonomy_presets.PresetList.as_view()),
    path("api/v1/taxonomy-presets/<slug:key>/", taxonomy_presets.PresetDetail.as_view()),
    path("api/v1/jobs/", jobs.JobList.as_view()),
    path("api/v1/jobs/<uuid:job_id>/", jobs.JobDetail.as_view()),
    path("api/v1/jobs/<uuid:job_id>/cancel/", jobs.JobCancel.as_view()),
    path("api/v1/jobs/<uuid:job_id>/retry/", jobs.JobRetry.as_view()),
    path("api/v1/jobs/<uuid:job_id>/log/", jobs.JobLog.as_view()),
    path("api/v1/jobs/<uuid:job_id>/download/", jobs.JobDownload.as_view()),
    path("api/v1/workers/", workers.WorkerList.as_view()),
    path("api/v1/teams/", teams.TeamList.as_view()),
    path("api/v1/teams/<slug:slug>/", teams.TeamDetail.as_view()),
    path("api/v1/teams/<slug:slug>/members/", teams.TeamMemberList.as_view()),
    path("api/v1/teams/<slug:slug>/members/<str:username>/", teams.TeamMemberDetail.as_view()),
    path("api/v1/tokens/", tokens.TokenList.as_view()),
    path("api/v1/tokens/<slug:token_id>/", tokens.TokenDetail.as_view()),
    path("api/v1/audit/", audit.AuditEventList.as_view()),
    path("api/v1/audit/export", audit.AuditExport.as_view()),
    path("api/schema/", docs.SchemaView.as_view(), name="api-schema"),
    path("api/docs/", docs.DocsView.as_view(url_name="api-schema"), name="api-docs"),
    path("healthz", health.Healthz.as_view()),
    path("readyz", health.Readyz.as_view()),
    path("metrics", metrics.MetricsView.as_view()),
    re_path(r"^api/[\s\S]*\Z", Nothing.as_view()),
]
_FILES = frozenset(str(pattern.pattern).rpartition("/")[2] for pattern in urlpatterns[:-1]) - {""}
