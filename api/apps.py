"""The face for programs."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "api"

    def ready(self) -> None:
        """Count requests from now on."""
        from api import request_metrics  # what it imports reads the settings

        request_metrics.register()
