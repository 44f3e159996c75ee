"""The stories by name, quick ones first."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks.bench import Bench
from benchmarks.rows import Row
from benchmarks.stories import (
    comparing,
    converting,
    datumaro,
    history,
    importing,
    label_bytes,
    listing,
    memory,
    png_writing,
    pulling,
    reading,
    rle_export,
    semantic_export,
    training,
)

Story = Callable[[Bench], Iterator[Row]]

STORIES: dict[str, Story] = {
    "label-bytes": label_bytes.run,
    "reading": reading.run,
    "training": training.run,
    "png": png_writing.run,
    "semantic-export": semantic_export.run,
    "rle-export": rle_export.run,
    "comparing": comparing.run,
    "import": importing.run,
    "converting": converting.run,
    "datumaro": datumaro.run,
    "listing": listing.run,
    "pulling": pulling.run,
    "memory": memory.run,
    "history": history.run,
}
