"""The app of people and their rights."""

from django.apps import AppConfig


class PeopleAppConfig(AppConfig):
    """Users, memberships, tokens and audit."""

    name = "people_app"
    verbose_name = "People"

    def ready(self) -> None:
        """Write down what is done to the store."""
        from people_app import upkeep_audit  # its models load first

        upkeep_audit.register()
