"""The size in the first bytes of a WebP is the one that its decoder finds."""

import io

import pytest
from PIL import Image

from panoptic.webp_header import HEAD_BYTES, webp_size


def webp(height: int, width: int, **options) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(buffer, "WEBP", **options)
    return buffer.getvalue()


@pytest.mark.parametrize("size", [(1, 1), (5, 9), (300, 2), (1, 16_383)])
@pytest.mark.parametrize("kind", ["lossy", "lossless", "with exif", "animated"])
def test_every_form_tells_its_size(size, kind):
    options = {
        "lossy": {},
        "lossless": {"lossless": True},
        "with exif": {"exif": b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"},
        "animated": {
            "save_all": True,
            "append_images": [Image.new("RGB", size[::-1], "red")],
        },
    }[kind]
    assert webp_size(webp(*size, **options)[:HEAD_BYTES]) == size


def test_what_is_no_webp_has_no_size():
    whole = webp(5, 9)[:HEAD_BYTES]
    for head in (b"", whole[:20], whole[:-1], whole[:12] + b"VP9 " + whole[16:], bytes(30)):
        assert webp_size(head) is None
