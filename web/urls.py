"""The pages for people."""

from django.urls import path, register_converter

from web.converters import NumberConverter, RevConverter, SpecConverter, ViewConverter
from web.views import accounts, compare, datasets, images, jobs, pictures, versions

register_converter(RevConverter, "rev")
register_converter(SpecConverter, "spec")
register_converter(NumberConverter, "no")
register_converter(ViewConverter, "view")

app_name = "web"
urlpatterns = [
    path("", datasets.list_datasets, name="datasets"),
    path("sign-in/", accounts.SignInView.as_view(), name="sign-in"),
    path("sign-out/", accounts.SignOutView.as_view(), name="sign-out"),
    path("jobs/", jobs.list_jobs, name="jobs"),
    path("jobs/<uuid:job_id>/", jobs.show_job, name="job"),
    path("datasets/<slug:slug>/", datasets.show_dataset, name="dataset"),
    path("datasets/<slug:slug>/versions/<rev:rev>/", versions.show_version, name="version"),
    path("datasets/<slug:slug>/images/<rev:rev>:<no:number>/", images.show_image, name="image"),
    path("datasets/<slug:slug>/images/<rev:rev>/", images.list_of_images, name="images"),
    path(
        "datasets/<slug:slug>/images/<rev:rev>:<no:number>/<view:view>.png",
        pictures.show_picture,
        name="picture",
    ),
    path("datasets/<slug:slug>/compare/", compare.choose, name="choose-comparison"),
    path(
        "datasets/<slug:slug>/compare/<spec:spec>:<no:number>/",
        compare.show_image,
        name="compare-image",
    ),
    path("datasets/<slug:slug>/compare/<spec:spec>/", compare.show, name="compare"),
]
