"""Why nothing is exported."""

from datasets_app.errors import HistoryError


class InvalidOption(HistoryError):
    """An option that the format does not have, or a value that it cannot take."""

    code = "invalid_option"

    def __init__(self, option: str, reason: str) -> None:
        super().__init__(f"option {option!r}: {reason}")
        self.option, self.reason = option, reason
