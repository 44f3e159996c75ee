"""How pages write numbers, digests and addresses of pictures."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django import template
from django.urls import get_script_prefix, reverse

from datasets_app.models import Version

register = template.Library()

_NOTHING = "–"
_MINUS = "\N{MINUS SIGN}"
_STEPS = ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k"))


@register.filter
def count(number: int | None) -> str:
    """Write 1234567 as "1,234,567"; what is not known is a dash."""
    return _NOTHING if number is None else f"{number:,}"


@register.filter
def compact(number: int | None) -> str:
    """Write 1234567 as "1.2 M", for places where the exact number stands nearby."""
    if number is None:
        return _NOTHING
    for size, letter in _STEPS:
        if abs(number) >= size:
            return f"{number / size:.1f} {letter}"
    return f"{number}"


@register.filter
def signed(number: int | None) -> str:
    """Write a difference with its sign; none is "±0"."""
    if number is None:
        return _NOTHING
    if number == 0:
        return "±0"
    return f"+{number:,}" if number > 0 else f"{_MINUS}{-number:,}"


@register.filter
def share(ratio: float | None) -> str:
    """Write a ratio of 0 to 1 as a percentage: few are not none, nearly all are not all."""
    if ratio is None:
        return _NOTHING
    if 0 < ratio < 0.0001:
        return "< 0.01 %"
    if 0.9999 < ratio < 1:
        return "> 99.99 %"
    return f"{100 * ratio:.{2 if ratio < 0.01 else 1}f} %"


@register.filter
def ratio(number: float | None) -> str:
    """Write a ratio with three digits; undefined is a dash."""
    return _NOTHING if number is None else f"{number:.3f}"


@register.filter
def short(version: Version) -> str:
    """Return as much of an id as people read; ten digits name a version of any dataset."""
    return version.id_hex[:10]


@register.simple_tag
def api_picture(version: Version, number: int, file: str, **parameters: Any) -> str:
    """Return the address of a picture in the API, by full id so that browsers may keep it."""
    path = f"versions/{version.id_hex}/images/{number}/{file}"
    return _api(version, path, parameters)


@register.simple_tag
def change_picture(old: Version, new: Version, number: int, **parameters: Any) -> str:
    """Return the address of the picture of what changed in an image."""
    return _api(new, f"compare/{old.id_hex}..{new.id_hex}/images/{number}/change.png", parameters)


@register.simple_tag
def view_picture(version: Version, number: int, view: str) -> str:
    """Return the address of a view in colours, by full id so that browsers may keep it."""
    return reverse("web:picture", args=[version.dataset.slug, version.id_hex, number, view])


def _api(version: Version, path: str, parameters: dict[str, Any]) -> str:
    # The paths of the API are its contract; the names of its URL patterns are not.
    address = f"{get_script_prefix()}api/v1/datasets/{version.dataset.slug}/{path}"
    return f"{address}?{urlencode(parameters)}" if parameters else address
