"""Coloured pictures of the views of a label, for people.

Programs take the views themselves from the API, as ids; what is drawn here is for eyes.
"""

from __future__ import annotations

import hashlib
import re

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.http import parse_etags
from django.views.decorators.http import require_safe

from datasets_app.errors import NotFound
from datasets_app.image_lists import get_image
from datasets_app.label_pictures import colored_label
from datasets_app.segment_rows import color_of, get_read_label, live_specs
from labels_app.reading import Reading, reading_of
from panoptic.colors import Color, distinct_color
from panoptic.label import Label
from panoptic.png import WRITER_VERSION
from panoptic.render import encode_colored_png, make_color_table
from web.finding import get_dataset, get_version

# Raise it when a picture of the same label looks otherwise; part of every ETag.
FORM = 1
VIEWS = ("panoptic", "semantic", "instances")
_SIDE = 1600
_STUFF: Color = (44, 49, 58)
_FULL_ID = re.compile(r"[0-9a-f]{64}")


@require_safe
def show_picture(request: HttpRequest, slug: str, rev: str, number: int, view: str) -> HttpResponse:
    """Answer with a view of an image in colours, at most 1,600 pixels high and wide."""
    version = get_version(get_dataset(request, slug), rev)
    try:
        entry = get_image(version, number).entry
    except NotFound as error:
        raise Http404(f"{rev} has no image {number}.") from error
    if entry.label is None:
        raise Http404(f"Image {number} has no label.")
    reading = reading_of(version.taxonomy_version)
    etag = _etag(view, entry.label, reading)
    if etag in parse_etags(request.headers.get("If-None-Match", "")):
        response: HttpResponse = HttpResponseNotModified()
    else:
        response = HttpResponse(
            _draw(get_read_label(entry.label, reading), reading, view), content_type="image/png"
        )
    response["ETag"] = etag
    response["Cache-Control"] = (
        "private, immutable, max-age=31536000" if _FULL_ID.fullmatch(rev) else "private, no-cache"
    )
    return response


def _draw(label: Label, reading: Reading, view: str) -> bytes:
    """Return a PNG. All views show the topmost segments; they differ in the colours.

    panoptic: the colour of the class, a shade of it for every thing; semantic: the colour
    of the class; instances: every thing in a colour of its own, stuff in one dark grey.
    """
    runs, shades = colored_label(label, reading, _SIDE)
    if view == "panoptic":
        return encode_colored_png(runs, shades)
    lives = live_specs(label, reading)
    if view == "semantic":
        colors = {segment_id: color_of(spec) for segment_id, spec in lives.items()}
        return encode_colored_png(runs, make_color_table(colors))
    colors = dict.fromkeys(lives, _STUFF)
    things = (segment_id for segment_id, spec in sorted(lives.items()) if spec.kind == "thing")
    colors |= {segment_id: distinct_color(place) for place, segment_id in enumerate(things)}
    return encode_colored_png(runs, make_color_table(colors))


def _etag(view: str, label: bytes, reading: Reading) -> str:
    head = f"{view} {FORM} {WRITER_VERSION} {_SIDE}\n".encode()
    return f'"{hashlib.sha256(head + label + reading.digest).hexdigest()[:40]}"'
