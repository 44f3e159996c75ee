"""Run the benchmarks: `make bench`, or `python -m benchmarks --only comparing --quick`."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.machine import machine_facts
from benchmarks.report import print_facts, print_table
from benchmarks.rows import Row
from benchmarks.scale import SCALES, Scale


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", metavar="NAME", help="a story; may be repeated")
    parser.add_argument("--scale", choices=SCALES, default="full")
    parser.add_argument("--quick", action="store_const", const="quick", dest="scale")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)
    facts = machine_facts()
    with _temporary_bench(SCALES[options.scale]) as bench:
        rows = list(_run(bench, options.only, parser))
    if options.json:
        report = {"scale": options.scale, "machine": facts, "rows": [row.to_json() for row in rows]}
        print(json.dumps(report, indent=1))
        return
    print_facts(facts)
    print_table(rows)


@contextmanager
def _temporary_bench(scale: Scale) -> Iterator[Bench]:
    folder = Path(tempfile.mkdtemp(prefix="tessera-bench-"))
    bench = Bench(scale, folder)
    try:
        yield bench
    finally:
        bench.service.close()
        shutil.rmtree(folder)


def _run(
    bench: Bench, only: Sequence[str] | None, parser: argparse.ArgumentParser
) -> Iterator[Row]:
    assert bench.service  # models can be imported only now
    from benchmarks.stories import STORIES

    unknown = set(only or ()) - set(STORIES)
    if unknown:
        parser.error(f"no story is named {', '.join(unknown)}; there are {', '.join(STORIES)}")
    for name in only or STORIES:
        start = time.monotonic()
        yield from STORIES[name](bench)
        print(f"{name}: {time.monotonic() - start:.1f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
