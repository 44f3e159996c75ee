"""The app of taxonomies and label revisions."""

from django.apps import AppConfig


class LabelsAppConfig(AppConfig):
    """Taxonomies, their versions, and the labels that use them."""

    name = "labels_app"
    verbose_name = "Labels"

    def ready(self) -> None:
        """Register what the store must keep; importing here keeps models out of this file."""
        from labels_app import roots

        roots.register()
