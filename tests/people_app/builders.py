"""People that the tests of this folder need."""

from people_app.actions.teams import create_team, set_team_member
from people_app.models import Team, User
from people_app.roles import TeamRole


def person(name: str, **fields: object) -> User:
    """An active account without a usable password."""
    return User.objects.create_user(username=name, **fields)


def crew(maintainer: User, *members: User, slug: str = "crew") -> Team:
    """A team of a maintainer and members."""
    team = create_team(slug=slug, actor=maintainer)
    for user in members:
        set_team_member(team=team, user=user, role=TeamRole.MEMBER, actor=maintainer)
    return team
