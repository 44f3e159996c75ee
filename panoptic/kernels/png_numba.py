"""The PNG kernels of `png_numpy` and `deflate_numpy`, compiled: same bodies, hence same bytes."""

from __future__ import annotations

from types import FunctionType, ModuleType
from typing import Any

import numba

from panoptic.kernels import deflate_numpy, png_numpy


def _compile_bodies(module: ModuleType, names: str, **compiled: Any) -> dict[str, Any]:
    """Compile functions in this order: each finds those that it calls by their names.

    They keep the plain file as their home, which stamps their cache.
    """
    scope: dict[str, Any] = {**vars(module), **compiled}
    for name in names.split():
        body = FunctionType(vars(module)[name].__code__, scope, name)
        scope[name] = numba.njit(cache=True, nogil=True)(body)
    return scope


_deflate = _compile_bodies(
    deflate_numpy,
    "distance_symbol count_symbols _count_depths _cut assign_code_lengths assign_codes"
    " _put_bits _write_headers _write_tokens write_block",
)
_png = _compile_bodies(
    png_numpy,
    "_slot _bits_of_pixel _bits_of_zeros _bits_of_match _put_zeros _put_copies _put_pixels"
    " find_match collect_pieces collect_tokens",
    distance_symbol=_deflate["distance_symbol"],
)

collect_pieces = _png["collect_pieces"]
collect_tokens = _png["collect_tokens"]
write_block = _deflate["write_block"]
