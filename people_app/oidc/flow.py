"""One way to the provider and back, and how it fails."""

from __future__ import annotations

from typing import NamedTuple

from people_app.errors import RightsError


class Flow(NamedTuple):
    """What the browser keeps between leaving and coming back; each is a new random text."""

    state: str
    nonce: str
    verifier: str


class ProviderFailed(RightsError):
    """The provider does not answer as it should; the message says how, for the log."""

    code = "provider_failed"
    status = 502


class FlowBroken(RightsError):
    """The browser comes back from a way that did not begin here, or not lately."""

    code = "flow_broken"
    status = 400
