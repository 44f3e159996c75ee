"""The face for people."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "web"
