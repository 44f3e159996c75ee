"""The pixel core of Tessera: panoptic labels as runs, their views, bytes, diffs and formats.

Knows no database and no server; numpy alone suffices, numba makes it fast.
"""
