"""What the viewer of a page asks for first: one JSON that says what there is to draw."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.cache import patch_vary_headers
from django.utils.http import parse_etags
from django.views.decorators.http import require_safe

from datasets_app.errors import NotFound
from datasets_app.taxonomy_access import get_read_by
from web.comparing.drawing import Drawing, draw_comparison, draw_image
from web.finding import get_dataset, get_sides, get_version


@require_safe
def show_comparison(request: HttpRequest, slug: str, spec: str, number: int) -> HttpResponse:
    """Answer with both sides of an image and all of its changes."""
    dataset = get_dataset(request, slug)
    sides = get_sides(dataset, spec)
    read_by = get_read_by([sides.old, sides.new], user=request.user)
    try:
        drawing = draw_comparison(sides.old, sides.new, read_by, number)
    except NotFound as error:
        raise Http404(f"Neither version has an image {number}.") from error
    return _answer(request, drawing)


@require_safe
def show_image(request: HttpRequest, slug: str, rev: str, number: int) -> HttpResponse:
    """Answer with one image of a version."""
    dataset = get_dataset(request, slug)
    version = get_version(dataset, rev)
    read_by = get_read_by([version], user=request.user)
    try:
        drawing = draw_image(version, number, read_by)
    except NotFound as error:
        raise Http404(f"{rev} has no image {number}.") from error
    return _answer(request, drawing)


def _answer(request: HttpRequest, drawing: Drawing) -> HttpResponse:
    response: HttpResponse
    if drawing.etag in parse_etags(request.headers.get("If-None-Match", "")):
        response = HttpResponseNotModified()
    else:
        response = HttpResponse(drawing.make(), content_type="application/json")
    response["ETag"] = drawing.etag
    # Branches move, and photographs are erased: what is kept is asked about each time.
    response["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ["Cookie"])
    return response
