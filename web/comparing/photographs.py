"""The photographs under the two labels of an image: which can be drawn, and why others cannot."""

from __future__ import annotations

from typing import Any, NamedTuple

from datasets_app.entries import Entry
from datasets_app.label_pictures import MAX_PHOTO_PIXELS, MAX_SIDE
from datasets_app.models import Version
from datasets_app.photos import PhotoInfo, get_photos
from store_app.blobs import erased_among
from web.templatetags.tessera import api_picture

Size = tuple[int, int]  # height, width

# No browser shows these: they come as a picture of the API.
_FOREIGN = ("image/tiff",)


class Photograph(NamedTuple):
    """What is known of the photograph of one side; `info` None: not recognised as one."""

    info: PhotoInfo | None
    erased: bool

    @property
    def size(self) -> Size | None:
        """Of the upright picture."""
        return (self.info.height, self.info.width) if self.info else None

    def problem(self, size: Size) -> str:
        """Say why it cannot be drawn under a label of this size, "" where it can."""
        if self.erased:
            return "The photograph was erased."
        if self.info is None:
            return "The photograph cannot be read."
        if size not in (self.size, (self.info.raw_height, self.info.raw_width)):
            return (
                f"The photograph has {self.info.width} × {self.info.height} pixels, "
                f"the label {size[1]} × {size[0]}."
            )
        if size[0] * size[1] > MAX_PHOTO_PIXELS:
            return "The photograph is too large to be drawn."
        if size != self.size and self.info.media_type in _FOREIGN:
            return "The photograph lies on its side, in a format that browsers do not show."
        return ""


class Photographs(NamedTuple):
    """The photographs of both sides; None where there is none."""

    old: Photograph | None
    new: Photograph | None

    @property
    def size(self) -> Size | None:
        """The size of an image without any label; None where nothing is known."""
        return next((photo.size for photo in (self.new, self.old) if photo and photo.size), None)

    def json_of(self, side: str, version: Version, number: int, size: Size) -> dict[str, Any]:
        """Return where the photograph of a side is, and how it stands under a label of `size`.

        `upright` is what EXIF says; where False, the pixels lie as they are stored.
        """
        photo = self.old if side == "old" else self.new
        problem = photo.problem(size) if photo else ""
        address = None
        if photo is not None and photo.info is not None and not problem:
            parameters: dict[str, Any] = {}
            file = "photo"
            if photo.info.media_type in _FOREIGN:
                file, parameters = "thumbnail.webp", {"layer": "photo", "size": MAX_SIDE}
            address = api_picture(version, number, file, **parameters)
        return {
            "photo": address,
            "photo_digest": photo.info.digest.hex() if photo and photo.info else None,
            "photo_upright": photo is None or size == photo.size,
            "photo_problem": problem,
        }


def read_photographs(old: Entry | None, new: Entry | None) -> Photographs:
    """Return what is known of the photographs of two entries; two queries."""
    digests = [entry.image if entry else None for entry in (old, new)]
    held = {digest for digest in digests if digest is not None}
    infos, erased = get_photos(held), erased_among(held) if held else set()
    return Photographs(
        *(
            None if digest is None else Photograph(infos.get(digest), digest in erased)
            for digest in digests
        )
    )
