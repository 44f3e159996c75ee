"""The alphabet of the row-predicted codec (`docs/formats/label-codec.md`), shared by its twins.

A row is told against the row above it. Boundaries are the places where a new value begins, the
first one at column 0; `j` is the next boundary above that is not yet used.
"""

from __future__ import annotations

# A boundary of at most this many columns beside the one above is told by its shift.
REACH = 4
# Where its value comes from: the boundary above, the run before the present one, or a literal.
AS_ABOVE, AS_BEFORE, LITERAL = 0, 1, 2
# 3 · zigzag(shift) + source, below SHIFTS: uses the boundary above; 0 is "the very same".
# After the last boundary above, 0 ends the row.
SHIFTS = 3 * (2 * REACH + 1)
DROP = SHIFTS  # the boundary above has no successor
INSERT = SHIFTS + 1  # + source; number: columns since the last boundary, minus 1
REPEAT = SHIFTS + 4  # at a row's begin; number: rows equal to the one above, minus 1
TOKENS = SHIFTS + 5

# What `decode_rows` may find, with the layer and row where it did.
FINE = 0
TRUNCATED = 1
UNKNOWN_TOKEN = 2
OUT_OF_ORDER = 3
BAD_VALUE = 4
TOO_MANY_ROWS = 5
WRONG_RUN_COUNT = 6
UNUSED_SEGMENT = 7
LEFT_OVER = 8

# The segment table: which columns follow those of ids and classes.
HAS_LAYERS, HAS_CROWDS, HAS_TRACKS, HAS_SCORES = 1, 2, 4, 8

# What `decode_columns` may find.
CUT_OFF = 1
BAD_ID = 2
BAD_CLASS = 3
BAD_LAYER = 4
BAD_CROWD = 5
BAD_TRACK = 6
