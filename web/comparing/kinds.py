"""The kinds of changes, each with a sign and words, so that no page tells them by colour alone."""

from __future__ import annotations

from typing import NamedTuple

from datasets_app.changed_lists import KindFlip, Severity
from datasets_app.comparison import ImageChangeKind
from datasets_app.entries import Facet
from panoptic.changes import ChangeKind


class KindWords(NamedTuple):
    """A kind of change on a page: `sign` stands beside the word, `tone` names its colour."""

    value: str
    word: str
    sign: str
    tone: str
    meaning: str


CHANGE_KINDS = {
    words.value: words
    for words in (
        KindWords(ChangeKind.ADDED, "added", "+", "added", "no segment was there before"),
        KindWords(ChangeKind.REMOVED, "removed", "−", "removed", "no segment is there any more"),
        KindWords(ChangeKind.RECLASSIFIED, "reclassified", "⇄", "reclassified", "another class"),
        KindWords(ChangeKind.RESHAPED, "reshaped", "◐", "reshaped", "another mask"),
        KindWords(ChangeKind.SPLIT, "split", "÷", "split", "one segment became several"),
        KindWords(ChangeKind.MERGED, "merged", "∪", "merged", "several segments became one"),
        KindWords(ChangeKind.ATTRIBUTES, "attributes", "≡", "quiet", "other fields, same mask"),
        KindWords(ChangeKind.RENUMBERED, "renumbered", "#", "quiet", "only another id"),
    )
}

KIND_FLIPS = {
    words.value: words
    for words in (
        KindWords(
            KindFlip.TO_THING, "stuff → thing", "▣", "reclassified", "its class is a thing now"
        ),
        KindWords(
            KindFlip.TO_STUFF, "thing → stuff", "▤", "reclassified", "its class is stuff now"
        ),
    )
}

IMAGE_KINDS = {
    words.value: words
    for words in (
        KindWords(ImageChangeKind.ADDED, "added", "+", "added", "not there before"),
        KindWords(ImageChangeKind.REMOVED, "removed", "−", "removed", "not there any more"),
        KindWords(ImageChangeKind.CHANGED, "changed", "~", "reshaped", "on both sides"),
    )
}

SEVERITIES = {
    words.value: words
    for words in (
        KindWords(Severity.MAJOR, "major", "▮▮▮", "removed", "10 % of the pixels or more"),
        KindWords(Severity.MODERATE, "moderate", "▮▮▯", "reshaped", "1 % to 10 % of the pixels"),
        KindWords(Severity.MINOR, "minor", "▮▯▯", "quiet", "less than 1 % of the pixels"),
        KindWords(Severity.NONE, "no pixel", "▯▯▯", "quiet", "no pixel changed"),
    )
}

FACETS = {facet.value: facet.value for facet in Facet}
