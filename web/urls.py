"""The pages for people."""

from django.urls import path, register_converter

from web.converters import (
    DiffFormConverter,
    NumberConverter,
    RevConverter,
    SpecConverter,
    StatisticsFileConverter,
    StatisticsPartConverter,
    ViewConverter,
)
from web.views import (
    account,
    accounts,
    audit,
    branches,
    compare,
    compare_files,
    dataset_members,
    dataset_settings,
    datasets,
    exports,
    images,
    imports,
    jobs,
    leaks,
    pictures,
    provider_sign_in,
    search,
    splits,
    statistics,
    taxonomies,
    taxonomy_class,
    taxonomy_drafts,
    taxonomy_history,
    taxonomy_mappings,
    taxonomy_members,
    taxonomy_preview,
    taxonomy_publishing,
    teams,
    theme,
    versions,
    viewer,
    webhooks,
)

register_converter(RevConverter, "rev")
register_converter(SpecConverter, "spec")
register_converter(NumberConverter, "no")
register_converter(ViewConverter, "view")
register_converter(DiffFormConverter, "form")
register_converter(StatisticsPartConverter, "statistics")
register_converter(StatisticsFileConverter, "statistics_file")

app_name = "web"
urlpatterns = [
    path("", datasets.list_datasets, name="datasets"),
    path("sign-in/", accounts.SignInView.as_view(), name="sign-in"),
    path("sign-in/provider/", provider_sign_in.begin, name="provider"),
    path("sign-in/provider/return/", provider_sign_in.come_back, name="provider-return"),
    path("account/", account.show_account, name="account"),
    path("theme/", theme.choose_theme, name="theme"),
    path("sign-out/", accounts.SignOutView.as_view(), name="sign-out"),
    path("jobs/", jobs.list_jobs, name="jobs"),
    path("jobs/mine.json", jobs.count_mine, name="jobs-mine"),
    path("jobs/<uuid:job_id>/", jobs.show_job, name="job"),
    path("jobs/<uuid:job_id>/cancel/", jobs.cancel_job, name="job-cancel"),
    path("jobs/<uuid:job_id>/retry/", jobs.retry_job, name="job-retry"),
    path("datasets/<slug:slug>/", datasets.show_dataset, name="dataset"),
    path("datasets/<slug:slug>/branches/", branches.list_branches, name="branches"),
    path("datasets/<slug:slug>/search/", search.search, name="search"),
    path("datasets/<slug:slug>/versions/<rev:rev>/", versions.show_version, name="version"),
    path(
        "datasets/<slug:slug>/statistics/<rev:rev>:<statistics:part>/",
        statistics.show_statistics,
        name="statistics",
    ),
    path(
        "datasets/<slug:slug>/statistics/<rev:rev>:<statistics_file:name>.csv",
        statistics.download_statistics,
        name="statistics-file",
    ),
    path("datasets/<slug:slug>/images/<rev:rev>:<no:number>/", images.show_image, name="image"),
    path("datasets/<slug:slug>/images/<rev:rev>/", images.list_of_images, name="images"),
    path(
        "datasets/<slug:slug>/images/<rev:rev>:<no:number>/<view:view>.png",
        pictures.show_picture,
        name="picture",
    ),
    path(
        "datasets/<slug:slug>/images/<rev:rev>:<no:number>/viewer.json",
        viewer.show_image,
        name="image-viewer",
    ),
    path("datasets/<slug:slug>/compare/", compare.choose, name="choose-comparison"),
    path(
        "datasets/<slug:slug>/compare/<spec:spec>:<no:number>/",
        compare.show_image,
        name="compare-image",
    ),
    path(
        "datasets/<slug:slug>/compare/<spec:spec>:<no:number>/viewer.json",
        viewer.show_comparison,
        name="compare-viewer",
    ),
    path(
        "datasets/<slug:slug>/compare/<spec:spec>:diff.<form:form>",
        compare_files.download,
        name="compare-file",
    ),
    path("datasets/<slug:slug>/compare/<spec:spec>/", compare.show, name="compare"),
    path("datasets/<slug:slug>/import/", imports.import_files, name="import"),
    path("datasets/<slug:slug>/exports/", exports.show_exports, name="exports"),
    path("datasets/<slug:slug>/splits/", splits.show_splits, name="splits"),
    path("datasets/<slug:slug>/leaks/<rev:rev>/", leaks.show_leaks, name="leaks"),
    path("datasets/<slug:slug>/members/", dataset_members.members, name="dataset-members"),
    path("datasets/<slug:slug>/settings/", dataset_settings.general, name="dataset-settings"),
    path("datasets/<slug:slug>/settings/audit/", audit.show_dataset_audit, name="dataset-audit"),
    path("datasets/<slug:slug>/settings/webhooks/", webhooks.list_webhooks, name="webhooks"),
    path(
        "datasets/<slug:slug>/settings/webhooks/<uuid:webhook_id>/",
        webhooks.show_webhook,
        name="webhook",
    ),
    path(
        "datasets/<slug:slug>/settings/webhooks/<uuid:webhook_id>/<uuid:delivery_id>/",
        webhooks.show_delivery,
        name="delivery",
    ),
    path(
        "datasets/<slug:slug>/settings/webhooks/<uuid:webhook_id>/<uuid:delivery_id>/again/",
        webhooks.send_again,
        name="delivery-again",
    ),
    path("teams/", teams.list_teams, name="teams"),
    path("teams/<slug:slug>/", teams.show_team, name="team"),
    path("audit/", audit.show_audit, name="audit"),
    path("taxonomies/", taxonomies.list_taxonomies, name="taxonomies"),
    path("taxonomies/<slug:slug>/", taxonomies.show_taxonomy, name="taxonomy"),
    path(
        "taxonomies/<slug:slug>/versions/<no:number>/",
        taxonomies.show_taxonomy,
        name="taxonomy-version",
    ),
    path(
        "taxonomies/<slug:slug>/versions/<no:number>/move/",
        taxonomy_publishing.move_branches,
        name="taxonomy-move",
    ),
    path(
        "taxonomies/<slug:slug>/classes/<no:class_id>/",
        taxonomy_class.show_class,
        name="taxonomy-class",
    ),
    path("taxonomies/<slug:slug>/draft/", taxonomy_drafts.edit, name="taxonomy-draft"),
    path("taxonomies/<slug:slug>/draft/discard/", taxonomy_drafts.discard, name="taxonomy-discard"),
    path(
        "taxonomies/<slug:slug>/draft/preview/", taxonomy_preview.preview, name="taxonomy-preview"
    ),
    path(
        "taxonomies/<slug:slug>/draft/publish/",
        taxonomy_publishing.publish,
        name="taxonomy-publish",
    ),
    path("taxonomies/<slug:slug>/history/", taxonomy_history.show_history, name="taxonomy-history"),
    path(
        "taxonomies/<slug:slug>/compare/",
        taxonomy_history.choose_comparison,
        name="taxonomy-choose-comparison",
    ),
    path(
        "taxonomies/<slug:slug>/compare/<no:old>..<no:new>/",
        taxonomy_history.compare,
        name="taxonomy-compare",
    ),
    path("taxonomies/<slug:slug>/members/", taxonomy_members.members, name="taxonomy-members"),
    path(
        "taxonomies/<slug:slug>/mappings/",
        taxonomy_mappings.list_mappings,
        name="taxonomy-mappings",
    ),
    path(
        "taxonomies/<slug:slug>/mappings/new/",
        taxonomy_mappings.map_classes,
        name="taxonomy-mapping",
    ),
]
