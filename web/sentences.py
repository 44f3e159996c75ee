"""Errors as sentences."""


def sentence(error: Exception | str) -> str:
    """Return what an error says, with a capital letter and a full stop."""
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}".rstrip(".") + "."
