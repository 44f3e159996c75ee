"""The app of taxonomies and label revisions."""

from django.apps import AppConfig


class LabelsAppConfig(AppConfig):
    """Taxonomies, their versions, and the labels that use them."""

    name = "labels_app"
    verbose_name = "Labels"
