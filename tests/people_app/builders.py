"""People that the tests of this folder need."""

from people_app.models import User


def person(name: str, **fields: object) -> User:
    """An active account without a usable password."""
    return User.objects.create_user(username=name, **fields)
