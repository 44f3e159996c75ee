"""Signing in to a service, and out."""

from __future__ import annotations

import sys

import click

from tessera.commands.options import with_config, with_output
from tessera.commands.output import Output
from tessera.config import Config, clean_url, forget_token, save_token
from tessera.errors import AccessError, UsageError


@click.command("login", short_help="Sign in to a service with a token.")
@click.argument("url", required=False)
@click.option("--token", help="A token; without it one is asked for, or read from a pipe.")
@with_output
@with_config
def login_command(url: str | None, token: str | None, output: Output, config: Config) -> None:
    """Sign in with a token, which the service's page /account/ makes.

    The token is checked, and kept where only you can read it. Commands use this service from
    then on.
    """
    from tessera.http import Connection

    known = clean_url(url) if url else config.url
    if not known:
        raise UsageError("which service? `tessera login https://labels.example.org`")
    secret = token or _asked(known, output)
    if not secret:
        raise UsageError(f"no token was given: {known}/account/ makes one")
    with Connection(known, secret) as connection:
        try:
            connection.get("/tokens/", limit=1)  # 401 unless the token is good
        except AccessError as error:
            error.message = f"{known} does not know this token; {known}/account/ makes one"
            raise
    path = save_token(config, known, secret)
    output.say(f"signed in to {known}; the token is kept in {path}")
    output.give({"url": known, "credentials": str(path)})


@click.command("logout", short_help="Forget the token of a service.")
@click.argument("url", required=False)
@with_output
@with_config
def logout_command(url: str | None, output: Output, config: Config) -> None:
    """Forget the token of a service. The token itself ends at the page /account/."""
    known = clean_url(url) if url else config.url
    was_known = bool(known) and forget_token(config, known)
    output.say(f"signed out of {known}" if was_known else "no token was kept")
    output.give({"url": known, "forgotten": was_known})


def _asked(url: str, output: Output) -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().strip()
    output.say(f"Make a token at {url}/account/ and paste it here.")
    return str(click.prompt("Token", hide_input=True)).strip()
