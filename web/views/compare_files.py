"""A comparison as a file to download: HTML with its pictures inside, JSON, CSV."""

from __future__ import annotations

from collections.abc import Iterable

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_safe

from datasets_app.actions.comparisons import get_pixel_comparison
from datasets_app.errors import TaxonomiesDiffer
from datasets_app.taxonomy_access import get_read_by
from web.comparing.document import Diff, DiffForm, choose_images, count_wanted
from web.comparing.document_data import iter_csv, iter_json
from web.comparing.document_html import iter_html, policy_of_html
from web.comparing.listing import ListFilter
from web.comparing.taxonomies import tell_classes
from web.finding import Sides, get_dataset, get_sides
from web.sentences import sentence

_TYPES = {
    DiffForm.HTML: "text/html; charset=utf-8",
    DiffForm.JSON: "application/json",
    DiffForm.CSV: "text/csv; charset=utf-8",
}


@require_safe
def download(request: HttpRequest, slug: str, spec: str, form: str) -> HttpResponseBase:
    """Answer with the images that the list of the same query begins with, `?images=` of them.

    While the pixels are not compared the answer is a page that says so (409). A filter that
    makes no sense leads to the comparison, which tells what was wrong.
    """
    dataset = get_dataset(request, slug)
    sides = get_sides(dataset, spec)
    context = {"dataset": dataset, "sides": sides, "spec": spec}
    try:
        read_by = get_read_by([sides.old, sides.new], user=request.user)
    except TaxonomiesDiffer as error:
        context["problem"] = sentence(error)
        return render(request, "web/compare_taxonomies_differ.html", context, status=409)
    wanted = ListFilter.from_query(request.GET, read_by.reading)
    if wanted.wrong:
        return HttpResponseRedirect(
            f"{reverse('web:compare', args=[slug, spec])}?{request.GET.urlencode()}"
        )
    comparison = get_pixel_comparison(sides.old, sides.new, actor=request.user, read_by=read_by)
    if not comparison.is_ready:
        context["comparison"] = comparison
        return render(request, "web/compare_not_ready.html", context, status=409)
    most = count_wanted(request.GET.get("images", ""), DiffForm(form))
    numbers, total = choose_images(comparison, wanted, read_by.reading, most)
    address = _address(request, sides, wanted)
    classes = tell_classes(sides, read_by)
    diff = Diff(sides, comparison, read_by, wanted, numbers, total, address, classes)
    return _answer(diff, DiffForm(form))


def _answer(diff: Diff, form: DiffForm) -> StreamingHttpResponse:
    pieces: Iterable[str | bytes] = {
        DiffForm.HTML: iter_html,
        DiffForm.JSON: iter_json,
        DiffForm.CSV: iter_csv,
    }[form](diff)
    response = StreamingHttpResponse(pieces, content_type=_TYPES[form])
    response["Content-Disposition"] = content_disposition_header(True, diff.file_name(form))
    response["Cache-Control"] = "private, no-store"
    # Opened from this address after all, a file is nothing of this site.
    policy = policy_of_html() if form == DiffForm.HTML else "default-src 'none'"
    response["Content-Security-Policy"] = f"{policy}; frame-ancestors 'none'; sandbox"
    return response


def _address(request: HttpRequest, sides: Sides, wanted: ListFilter) -> str:
    spec = f"{sides.old.id_hex}..{sides.new.id_hex}"
    path = reverse("web:compare", args=[sides.new.dataset.slug, spec])
    return request.build_absolute_uri(path) + wanted.query
