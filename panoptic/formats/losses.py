"""What a format cannot carry, counted: one name per kind of loss, and how people are told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

HIDDEN_PIXELS = "hidden_pixels"
HIDDEN_SEGMENTS = "hidden_segments"
VOID_PIXELS = "void_pixels"
MERGED_SEGMENTS = "merged_segments"
MERGED_CROWDS = "merged_crowds"
CROWD_FLAGS = "crowd_flags"
CHANGED_IDS = "changed_ids"
LEFT_OUT_SEGMENTS = "left_out_segments"
UNLABELLED_IMAGES = "unlabelled_images"
FIELDS = "fields"

# What follows a number, in singular and plural.
LOSSES: Mapping[str, tuple[str, str]] = {
    HIDDEN_PIXELS: ("pixel hidden under others", "pixels hidden under others"),
    HIDDEN_SEGMENTS: ("wholly hidden segment", "wholly hidden segments"),
    VOID_PIXELS: (
        "pixel of a class that the format does not have",
        "pixels of classes that the format does not have",
    ),
    MERGED_SEGMENTS: (
        "segment joined with another of its class",
        "segments joined with others of their class",
    ),
    MERGED_CROWDS: (
        "crowd joined with another of its class",
        "crowds joined with others of their class",
    ),
    CROWD_FLAGS: ("crowd written as an instance", "crowds written as instances"),
    CHANGED_IDS: ("segment that got another id", "segments that got other ids"),
    LEFT_OUT_SEGMENTS: (
        "segment that the format cannot express",
        "segments that the format cannot express",
    ),
    UNLABELLED_IMAGES: ("unlabelled image left out", "unlabelled images left out"),
    FIELDS: (
        "score, track, origin or attribute of a segment",
        "scores, tracks, origins and attributes of segments",
    ),
}


def tell_losses(lost: Mapping[str, int]) -> list[str]:
    """`12 pixels hidden under others`, and so on, in the order of `LOSSES`."""
    return [
        f"{lost[name]:,} {words[lost[name] != 1]}"
        for name, words in LOSSES.items()
        if lost.get(name)
    ]


class LossCount(Counter[str]):
    """Losses of all images of an export; unknown names are refused, zeros are not kept."""

    def add(self, lost: Mapping[str, int]) -> None:
        for name, amount in lost.items():
            if name not in LOSSES:
                raise KeyError(name)
            if amount:
                self[name] += amount
