"""A list that lies on disk, so that an import's memory does not grow with its images."""

import pickle
import tempfile
from collections.abc import Iterator
from types import TracebackType
from typing import Generic, Self, TypeVar

Row = TypeVar("Row")
_ROWS_PER_BATCH = 1_000


class Spill(Generic[Row]):
    """Rows in the order in which they were added; closing it deletes them."""

    def __init__(self) -> None:
        # `__exit__` closes it.
        self._file = tempfile.TemporaryFile(prefix="tessera-import-")  # noqa: SIM115
        self._batch: list[Row] = []
        self.count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, row: Row) -> None:
        self._batch.append(row)
        self.count += 1
        if len(self._batch) == _ROWS_PER_BATCH:
            self._flush()

    def iter_batches(self) -> Iterator[list[Row]]:
        """Yield the rows in lists of a thousand; nothing may be added meanwhile."""
        self._flush()
        self._file.seek(0)
        while True:
            try:
                # Written by this process moments ago: no foreign bytes are unpickled.
                yield pickle.load(self._file)
            except EOFError:
                return

    def _flush(self) -> None:
        if self._batch:
            pickle.dump(self._batch, self._file, pickle.HIGHEST_PROTOCOL)
            self._batch = []
