"""The app of people and their rights."""

from django.apps import AppConfig


class PeopleAppConfig(AppConfig):
    """Users, memberships, tokens and audit."""

    name = "people_app"
    verbose_name = "People"
