"""Signing in with an organisation's OpenID Connect provider.

`provider` talks to it and proves what it says, `claims` is what it said. Whose account that
is, is decided by `people_app.actions.identities`.
"""
