"""What is refused about webhooks, and why a message does not leave.

HistoryError
├── InvalidWebhookUrl     400  invalid_webhook_url
├── TooManyWebhooks       409  too_many_webhooks
└── Undeliverable              never leaves the worker: it becomes the problem of a delivery
    ├── ForbiddenTarget        an address or port where nothing may be sent
    ├── SecretLost             the service's key is another one: the signature would be wrong
    └── Unreachable            no name, no connection, no answer in time, no HTTP
"""

from datasets_app.errors import HistoryError


class InvalidWebhookUrl(HistoryError):
    """A URL that no webhook can have."""

    code = "invalid_webhook_url"

    def __init__(self, reason: str) -> None:
        super().__init__(f"the URL of a webhook: {reason}", reason=reason)
        self.reason = reason


class TooManyWebhooks(HistoryError):
    """Each act would have to tell too many."""

    code = "too_many_webhooks"
    status = 409

    def __init__(self, most: int) -> None:
        super().__init__(f"a dataset has at most {most} webhooks", most=most)
        self.most = most


class Undeliverable(HistoryError):
    """A message that does not arrive; `final` where trying again is no use."""

    code = "undeliverable"
    final = False


class ForbiddenTarget(Undeliverable):
    """Nothing may be sent there: it could be a machine of the service's own network."""

    code = "forbidden_target"
    final = True


class SecretLost(Undeliverable):
    """The secret that was shown cannot be computed any more."""

    code = "secret_lost"
    final = True


class Unreachable(Undeliverable):
    """The receiver cannot be reached, or does not answer as one."""

    code = "unreachable"
