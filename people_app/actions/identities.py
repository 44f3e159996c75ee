"""Whose account here an identity at the provider is."""

from __future__ import annotations

import logging
import re

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction

from people_app.actions.teams import remove_team_member, set_team_member
from people_app.audit import record
from people_app.errors import IdentityRefused, LastMaintainer
from people_app.models import ExternalIdentity, Team, TeamMember, User
from people_app.oidc.claims import Claims, is_text
from people_app.oidc.settings import OidcSettings
from people_app.roles import TeamRole

_log = logging.getLogger(__name__)
_MOST_SUBJECT = 255  # characters, as the standard says
_NAME_LENGTH, _MAIL_LENGTH = 150, 254
_ODD = re.compile(r"[^\w.@+-]")
_TRIES = 100


@transaction.atomic
def find_account(claims: Claims, settings: OidcSettings) -> User:
    """Return the account of who signed in at the provider; made or linked where that is allowed.

    Issuer and subject alone say who somebody is. Rights never come from claims, except that
    of being in the teams that the operator has mapped to groups.

    Raises
    ------
    IdentityRefused
        There is no account that they may use.
    """
    _check_subject(claims.subject)
    user = _known(claims) or _of_same_mail(claims, settings) or _new(claims, settings)
    if not user.is_active:
        raise IdentityRefused("this account is closed")
    _settle_teams(user, claims, settings)
    return user


@transaction.atomic
def link_identity(*, user: User, issuer: str, subject: str, actor: User | None) -> ExternalIdentity:
    """Say that who is `subject` at `issuer` signs in as `user`.

    Raises
    ------
    IdentityRefused
        They sign in as somebody already.
    """
    _check_subject(subject)
    try:
        with transaction.atomic():  # PostgreSQL refuses everything after a failed insert
            identity = ExternalIdentity.objects.create(user=user, issuer=issuer, subject=subject)
    except IntegrityError as error:
        raise IdentityRefused(f"{subject} signs in as somebody already") from error
    record(
        actor,
        "identity.linked",
        user,
        name=user.get_username(),
        issuer=issuer,
        subject=subject,
    )
    return identity


def _known(claims: Claims) -> User | None:
    found = ExternalIdentity.objects.select_related("user").filter(
        issuer=claims.issuer, subject=claims.subject
    )
    identity = found.first()
    return identity.user if identity is not None else None


def _of_same_mail(claims: Claims, settings: OidcSettings) -> User | None:
    """Link the one account with the address that the provider has verified, if that is wanted."""
    if not (settings.match_email and claims.email and claims.email_verified):
        return None
    found = list(User.objects.filter(email__iexact=claims.email, is_active=True)[:2])
    # Operators link theirs by command: a mail server must not be able to make one.
    if len(found) != 1 or found[0].is_superuser or found[0].is_staff:
        return None
    # Who is linked already is another person at the provider, with the same address.
    if found[0].identities.filter(issuer=claims.issuer).exists():
        return None
    link_identity(user=found[0], issuer=claims.issuer, subject=claims.subject, actor=None)
    return found[0]


def _new(claims: Claims, settings: OidcSettings) -> User:
    if not settings.create_accounts:
        raise IdentityRefused("there is no account here for you yet; ask an operator for one")
    user = _insert_user(claims)
    record(None, "account.created", user, name=user.get_username(), issuer=claims.issuer)
    link_identity(user=user, issuer=claims.issuer, subject=claims.subject, actor=None)
    return user


def _insert_user(claims: Claims) -> User:
    # Normal first: the normal form of one letter may be several signs.
    said = User.normalize_username(claims.username or claims.email.partition("@")[0])
    wanted = _ODD.sub("", said)[: _NAME_LENGTH - 5] or "person"
    for number in range(1, _TRIES):
        # The name of somebody else is no way into their account: the next one gets a number.
        name = wanted if number == 1 else f"{wanted}-{number}"
        if User.objects.filter(username__iexact=name).exists():
            continue
        try:
            with transaction.atomic():
                return User.objects.create(
                    username=name,
                    password=make_password(None),
                    email=claims.email[:_MAIL_LENGTH] if claims.email_verified else "",
                    first_name=claims.first_name[:_NAME_LENGTH],
                    last_name=claims.last_name[:_NAME_LENGTH],
                )
        except IntegrityError:  # made by somebody else a moment ago
            continue
    raise IdentityRefused(f"there are too many accounts called {wanted}")


def _check_subject(subject: str) -> None:
    if not (is_text(subject) and 0 < len(subject) <= _MOST_SUBJECT):
        raise IdentityRefused(f"a subject is text of 1 to {_MOST_SUBJECT} characters")


def _settle_teams(user: User, claims: Claims, settings: OidcSettings) -> None:
    """Put `user` into the teams of their groups, and out of other teams that groups speak for.

    Who left a group leaves its team when they sign in next. Teams that no group is mapped to
    stay as people made them.
    """
    if not settings.groups_claim:
        return
    groups = claims.groups(settings.groups_claim)
    wanted = {team for group, team in settings.teams.items() if group in groups}
    places = dict(TeamMember.objects.filter(user=user).values_list("team__slug", "role"))
    for team in Team.objects.filter(slug__in=settings.teams.values()).order_by("slug"):
        if team.slug in wanted and team.slug not in places:
            set_team_member(team=team, user=user, role=TeamRole.MEMBER, actor=None)
        elif team.slug in places and team.slug not in wanted:
            try:
                remove_team_member(team=team, user=user, actor=None)
            except LastMaintainer:
                _log.warning("%s stays in team %s: its last maintainer", user, team.slug)
