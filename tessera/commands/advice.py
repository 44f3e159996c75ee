"""What to do about an error, where its own sentence tells only what is the matter."""

from __future__ import annotations

from tessera.errors import ConflictError, NetworkError, TesseraError

_BY_CODE = {
    "read_only_token": "make a token that may write at the service's page /account/, then"
    " `tessera login`",
    "permission_denied": "the service's page /account/ makes tokens that may do more; those who"
    " administer the dataset give roles",
    "name_taken": "`tessera branch` and `tessera tag` list the names that are taken",
    "target_exists": "name another place, or move away what is there",
    "merge_conflicts": "`--strategy ours` or `theirs` says who wins; a review in the browser"
    " decides one by one",
    "rate_limited": "wait a minute; the same command goes on where this one ended",
    "nothing_changed": "`tessera status` tells what counts as an edit",
    "service_unknown": "`tessera login https://labels.example.org` makes it the one that commands"
    " use; TESSERA_URL does, too",
}
_NOT_FOUND = {
    "dataset": "`tessera datasets` lists those that you may see; to others than its members a"
    " private dataset is not there, so sign in",
    "version": "`tessera log`, `tessera branch` and `tessera tag` list what there is",
    "branch": "`tessera branch` lists those there are",
    "tag": "`tessera tag` lists those there are",
}


def advice_of(error: TesseraError) -> str:
    """Return one sentence, "" where the error has said it all."""
    if error.code == "not_found":
        return _NOT_FOUND.get(str(error.facts.get("kind")), "")
    if error.code in _BY_CODE:
        return _BY_CODE[error.code]
    if error.code == NetworkError.code and error.status is None:
        return "does the service run, and is the address right? The same command goes on from here"
    if isinstance(error, ConflictError) and "`tessera" not in error.message:
        return "`tessera pull` brings what others did; then try again"
    return ""
