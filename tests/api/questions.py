"""What Eve asks with the names of what others have: (method, path, body, headers).

Names stand in braces, as `tests.api.names_of_others.Names` has them; `{head}` is where her own
branch is.
"""

from __future__ import annotations

from typing import Any

from tests.api.builders import API
from tests.api.names_of_others import NOTHING

MINE = f"{API}/datasets/mine"
MY_CLASSES = f"{API}/taxonomies/mine-classes"


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# From within Eve's own dataset and taxonomy, or from nowhere in particular.
ONE_CLASS = {
    "name": "road", "kind": "stuff", "color": "#804080", "examples": [{"picture": "{picture}"}]
}  # fmt: skip
HEAD = {"expected_head": "{head}", "message": "x"}
QUESTIONS: list[tuple[Any, ...]] = [
    # Versions of another dataset, by id or prefix.
    ("get", f"{MINE}/versions/{{version}}/"),
    ("get", f"{MINE}/versions/{{short}}/images/"),
    ("get", f"{MINE}/versions/{{version}}/images/1/photo"),
    ("get", f"{MINE}/versions/{{version}}/manifest"),
    ("get", f"{MINE}/versions/{{version}}~1/stats/"),
    ("get", f"{MINE}/versions/{{version}}/distributions/"),
    ("get", f"{MINE}/compare/v1..{{version}}/"),
    ("get", f"{MINE}/compare/{{version}}...v1/images/1/change.png"),
    ("post", f"{MINE}/versions/{{version}}/leaks/", {}),
    ("post", f"{MINE}/branches/", {"name": "x", "head": "{version}"}),
    ("post", f"{MINE}/tags/", {"name": "x", "version": "{version}"}),
    ("post", f"{MINE}/exports/", {"version": "{version}", "format": "coco_panoptic"}),
    ("post", f"{MINE}/pull/", {"version": "{version}"}),
    ("post", f"{MINE}/pull/", {"version": "v1", "have": "{version}"}),
    ("get", f"{MINE}/branches/main/merge-preview/?from={{version}}"),
    ("post", f"{MINE}/branches/main/merges/", {**HEAD, "from": "{version}"}),
    ("post", f"{MINE}/branches/main/reverts/", {**HEAD, "version": "{version}"}),
    ("post", f"{MINE}/branches/main/commits/", {"expected_head": "{version}", "changes": []}),
    ("get", f"{MINE}/versions/?branch={{version}}"),
    # Bytes by their digests.
    *(
        question
        for kind in ("photo", "label", "attributes", "erased", "picture")
        for question in (
            ("get", f"{MINE}/blobs/{{{kind}}}"),
            ("get", f"{MINE}/blobs/{{{kind}}}", None, {"If-None-Match": f'"{{{kind}}}"'}),
            ("get", f"{MINE}/blobs/{{{kind}}}", None, {"If-None-Match": "*"}),
            ("get", f"{MINE}/blobs/{{{kind}}}", None, {"Range": "bytes=0-3"}),
            ("post", f"{MINE}/blobs/fetch/", {"digests": [f"{{{kind}}}"]}),
            ("post", f"{MINE}/blobs/missing/", {"digests": [f"{{{kind}}}"]}),
            ("post", f"{MINE}/lfs/objects/batch",
             {"operation": "download", "objects": [{"oid": f"{{{kind}}}", "size": 1}]}),
            ("put", f"{MINE}/blobs/{{{kind}}}", {"upload": NOTHING.upload}),
            ("get", f"{MY_CLASSES}/pictures/{{{kind}}}"),
            ("get", f"{MY_CLASSES}/pictures/{{{kind}}}", None, {"If-None-Match": "*"}),
        )
    ),
    *(
        (
            "post",
            f"{MINE}/branches/main/commits/",
            {**HEAD, "changes": [{"name": "a.png", field: f"{{{kind}}}"}]},
        )
        for field in ("image", "label")
        for kind in ("photo", "label", "erased", "picture")
    ),
    ("put", f"{MY_CLASSES}/draft/", {"expected_revision": 0, "classes": [
        {**ONE_CLASS, "id": 1}, {"id": 2, "name": "car", "kind": "thing", "color": "#00008e"},
        {"id": 3, "name": "sky", "kind": "stuff", "color": "#4682b4"}]}),
    ("post", f"{MY_CLASSES}/draft/operations/", {"expected_revision": 0, "operations": [
        {"op": "edit", "class": 1, "examples": [{"picture": "{picture}"}]}]}),
    ("post", f"{API}/taxonomies/", {"slug": "new", "classes": [ONE_CLASS]}),
    # Taxonomies of others.
    *(
        ("get", f"{MINE}/{path}?taxonomy={{taxonomy}}{number}")
        for path in (
            "versions/v1/stats/", "versions/v1/images/", "versions/v1/images/1/panoptic.png",
            "versions/v1/images/1/", "compare/v1..v2/", "versions/v1/violations/",
            "versions/v1/classes/1/samples/",
        )
        for number in ("", "@1", "@draft")
    ),
    ("patch", f"{MINE}/", {"taxonomy": "{taxonomy}"}),
    ("post", f"{API}/datasets/", {"slug": "new", "taxonomy": "{taxonomy}"}),
    ("post", f"{MINE}/exports/",
     {"version": "v1", "format": "coco_panoptic", "taxonomy": "{taxonomy}@1"}),
    ("post", f"{MINE}/branches/main/commits/",
     {**HEAD, "changes": [], "taxonomy": {"slug": "{taxonomy}", "number": 1}}),
    ("post", f"{MINE}/branches/main/migrations/",
     {**HEAD, "taxonomy": {"slug": "{taxonomy}", "number": 1}}),
    ("get", f"{MY_CLASSES}/mappings/?target={{taxonomy}}"),
    ("get", f"{MY_CLASSES}/mappings/proposal/?target={{taxonomy}}"),
    ("get", f"{MY_CLASSES}/mappings/{{taxonomy}}/1/"),
    ("post", f"{MY_CLASSES}/mappings/", {"target": "{taxonomy}", "entries": []}),
    # Datasets of others, named to a taxonomy of one's own.
    ("post", f"{MY_CLASSES}/draft/preview/",
     {"branches": [{"dataset": "{dataset}", "branch": "main"}]}),
    ("post", f"{MY_CLASSES}/draft/publish/",
     {"expected_revision": 0, "message": "x", "migrate": [
         {"dataset": "{dataset}", "branch": "main", "expected_head": "{version}"}]}),
    # What has an id of its own.
    ("get", f"{API}/jobs/{{job}}/"),
    ("get", f"{API}/jobs/{{job}}/log/"),
    ("get", f"{API}/jobs/{{job}}/download/"),
    ("get", f"{API}/jobs/{{job}}/download/", None, {"If-None-Match": "*"}),
    ("get", f"{API}/jobs/{{job}}/download/", None, {"Range": "bytes=0-3"}),
    ("post", f"{API}/jobs/{{job}}/cancel/", {}),
    ("post", f"{API}/jobs/{{job}}/retry/", {}),
    ("get", f"{MINE}/webhooks/{{webhook}}/"),
    ("patch", f"{MINE}/webhooks/{{webhook}}/", {"active": False}),
    ("delete", f"{MINE}/webhooks/{{webhook}}/", {}),
    ("post", f"{MINE}/webhooks/{{webhook}}/test/", {}),
    ("post", f"{MINE}/webhooks/{{webhook}}/secret/", {}),
    ("get", f"{MINE}/webhooks/{{webhook}}/deliveries/"),
    ("get", f"{MINE}/webhooks/{{webhook}}/deliveries/{{delivery}}/"),
    ("post", f"{MINE}/webhooks/{{webhook}}/deliveries/{{delivery}}/redeliver/", {}),
    ("get", f"{MINE}/uploads/{{upload}}/"),
    ("head", f"{MINE}/uploads/{{upload}}/"),
    ("delete", f"{MINE}/uploads/{{upload}}/", {}, {"Tus-Resumable": "1.0.0"}),
    ("put", f"{MINE}/blobs/{'6' * 64}", {"upload": "{upload}"}),
    ("post", f"{MINE}/pull/", {"version": "v1", "lease": "{lease}"}),
    ("post", f"{MINE}/blobs/missing/", {"digests": ["6" * 64], "lease": "{lease}"}),
    ("delete", f"{MINE}/pull/leases/{{lease}}/", {}),
    ("delete", f"{API}/tokens/{{token}}/", {}),
    # Teams.
    *((method, f"{API}/teams/{{team}}/{path}", {"role": "member"})
      for method, path in (
          ("get", ""), ("patch", ""), ("delete", ""), ("get", "members/"),
          ("put", "members/eve/"), ("delete", "members/{person}/"))),
    *((method, f"{place}/teams/{{team}}/", {"role": "reader"})
      for method in ("put", "delete") for place in (MINE, MY_CLASSES)),
    # Filters of lists.
    ("get", f"{API}/jobs/?dataset={{dataset}}"),
    *(
        ("get", f"{API}/audit/{path}?{question}")
        for path in ("", "export")
        for question in (
            "dataset={dataset}", "taxonomy={taxonomy}", "team={team}", "actor={person}",
            "token={token}",
            "object=dataset:{number}", "object=job:{job}", "object=webhook:{webhook}",
        )
    ),
]  # fmt: skip

# Parameters, headers and members of bodies that name something: the questions above use them.
NAMING = words(
    """
    actor branch branches classes cursor dataset delivery_id digest digests expected_head from have
    head If-None-Match If-Range Idempotency-Key image job_id label lease lease_id migrate name
    object objects oid operations Range rev slug spec target taxonomy team token token_id upload
    upload_id username version webhook_id
    """
)
# The others say how, how much, or what is to be; or they name what everybody knows, or what is
# inside of something that was named before.
HARMLESS = words(
    """
    active address archive attribute attributes by change changes class class_id class_name days
    default_branch delete description distance dry_run entries events examples
    expected_revision facet fast_forward field file filter flow folders format geometry group
    hash_algo ids images key keyless kind labels labels_only layer limit message mode number
    on_overlap only_unassigned operation options order path pattern prefix preset protected
    ratios read_only resolutions role rule rules scopes seed segment_id severity since size
    skip_unknown source_version split splits state status strategy take title transfers
    Tus-Resumable unit until Upload-Checksum Upload-Length Upload-Metadata Upload-Offset url
    verb visibility void
    """
)
