"""The app of datasets and their history."""

from django.apps import AppConfig


class DatasetsConfig(AppConfig):
    name = "datasets_app"
    verbose_name = "Datasets"

    def ready(self) -> None:
        # The store asks the apps above it what is still in use (roots.py); importing
        # here keeps models out of the import of this file.
        from datasets_app import roots
        from datasets_app.jobs import roots as job_roots
        from datasets_app.webhooks import announcing

        roots.register()
        job_roots.register()
        announcing.register()
