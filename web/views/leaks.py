"""Images of different splits that are too much alike: the report, pair beside pair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import urlencode

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from datasets_app.leaks.asking import find_report, request_report
from datasets_app.leaks.request import LeakRequest
from datasets_app.models import JobState, Version
from datasets_app.models.leak_report import Leak, LeakKind, LeakReport
from datasets_app.nodes import SqlNodes
from datasets_app.numbering import names_of
from datasets_app.tree import get_entries
from web.finding import get_dataset, get_version
from web.split_forms import LeakForm

_PAIRS_PER_PAGE = 24
_MOST_DIGITS = 9
KIND_WORDS = {
    LeakKind.EXACT: "the same photograph",
    LeakKind.NEAR: "look alike",
    LeakKind.MIRRORED: "one mirrors the other",
    LeakKind.GROUP: "of one group",
    LeakKind.SAME_LABEL: "the same label on other photographs (a hint, no leak)",
}


class Side(NamedTuple):
    """One image of a pair; `split` is "" where it has none."""

    number: int
    name: str
    split: str


class Pair(NamedTuple):
    """Two images of different splits, and why they are listed."""

    leak: Leak
    words: str
    sides: list[Side]


@require_http_methods(["GET", "HEAD", "POST"])
def show_leaks(request: HttpRequest, slug: str, rev: str) -> HttpResponse:
    """Show the leaks between the splits of a version; a POST has them looked for.

    `?distance=`, `?group=` and its field say what is looked for, `?kind=` narrows what was
    found, and `?after=N` goes on.
    """
    dataset = get_dataset(request, slug)
    version = get_version(dataset, rev)
    form = LeakForm(request.POST if request.method == "POST" else request.GET, auto_id="leak-%s")
    valid = form.is_valid()
    wanted: LeakRequest = form.cleaned_data["request"] if valid else LeakRequest()
    if request.method == "POST" and valid:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        request_report(version, wanted, actor=request.user)
        return HttpResponseRedirect(f"{request.path}?{_query_of(form)}")
    report = find_report(version, wanted) if valid else None
    context = {
        "dataset": dataset,
        "version": version,
        "rev": rev,
        "form": form,
        "query": _query_of(form) if valid else "",
        "report": report,
        "is_pending": report is not None and not report.is_ready and _is_under_way(report),
        "wanted": wanted,
        **(_ready(request, version, report) if report is not None and report.is_ready else {}),
    }
    template = "web/parts/leak_report.html" if request.htmx else "web/leaks.html"
    return render(request, template, context, status=200 if valid else 422)


def _query_of(form: LeakForm) -> str:
    """Return what was asked for as the page's address has it: what says nothing is left out."""
    values = form.cleaned_data
    asked = {"distance": values["distance"], "group": values["group"]}
    if values["group"]:
        asked[values["group"]] = values[values["group"]]
    return urlencode({name: value for name, value in asked.items() if value not in (None, "")})


def _ready(request: HttpRequest, version: Version, report: LeakReport) -> dict[str, Any]:
    kind = request.GET.get("kind", "")
    kind = kind if kind in LeakKind.values else ""
    rows = Leak.objects.filter(report=report)
    if kind:
        rows = rows.filter(kind=kind)
    after = request.GET.get("after", "")
    if after.isascii() and after.isdigit() and len(after) <= _MOST_DIGITS:
        rows = rows.filter(position__gt=int(after))
    found = list(rows.order_by("position")[: _PAIRS_PER_PAGE + 1])
    shown = found[:_PAIRS_PER_PAGE]
    counts = (report.totals or {})["counts"]
    return {
        "pairs": _pairs(version, shown),
        "following": shown[-1].position if len(found) > len(shown) else None,
        "kind": kind,
        "kinds": [(one.value, words, counts[one.value]) for one, words in KIND_WORDS.items()],
        "totals": report.totals,
    }


def _pairs(version: Version, leaks: Sequence[Leak]) -> list[Pair]:
    """Return leaks with names and splits; a constant number of queries."""
    numbers = sorted({number for leak in leaks for number in (leak.first_no, leak.second_no)})
    names = names_of(version.dataset_id, numbers)
    entries = get_entries(SqlNodes(), version.root, numbers)
    sides = {number: Side(number, names[number], entries[number].split) for number in numbers}
    return [
        Pair(leak, KIND_WORDS[LeakKind(leak.kind)], [sides[leak.first_no], sides[leak.second_no]])
        for leak in leaks
    ]


def _is_under_way(report: LeakReport) -> bool:
    job = report.job
    return job is not None and job.state in (JobState.QUEUED, JobState.RUNNING)
