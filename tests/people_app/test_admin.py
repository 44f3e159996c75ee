import pytest
from django.contrib.admin import site

from people_app.actions.roles import grant_team_role
from people_app.actions.teams import create_team
from people_app.actions.tokens import create_token
from people_app.models import AuditEvent, Membership, Team, Token
from people_app.roles import Role
from tests.people_app.builders import person


@pytest.mark.django_db
@pytest.mark.parametrize("model", [AuditEvent, Membership, Team, Token])
def test_operators_see_rights_and_log_but_cannot_alter_them(rf, model):
    request = rf.get("/")
    request.user = person("root", is_superuser=True, is_staff=True)
    admin = site.get_model_admin(model)
    assert admin.has_view_permission(request)
    assert not admin.has_add_permission(request)
    assert not admin.has_change_permission(request)
    assert not admin.has_delete_permission(request)


@pytest.mark.django_db
def test_the_list_of_tokens_shows_no_hash(rf):
    token, _ = create_token(user=person("ada"))
    request = rf.get("/")
    request.user = person("root", is_superuser=True, is_staff=True)
    page = site.get_model_admin(Token).changelist_view(request).render().content.decode()
    assert token.public_id in page
    assert token.digest not in page


@pytest.mark.django_db
def test_the_page_of_a_team_says_who_is_in_it_and_where_it_has_a_role(rf):
    ada, streets = person("ada"), person("streets")
    team = create_team(slug="crew", actor=ada)
    grant_team_role(team=team, resource=streets, role=Role.REVIEWER, actor=ada)
    request = rf.get("/")
    request.user = person("root", is_superuser=True, is_staff=True)
    admin = site.get_model_admin(Team)
    page = admin.change_view(request, str(team.pk)).render().content.decode()
    assert "ada is maintainer of team crew" in page
    assert "team crew is reviewer of user" in page
