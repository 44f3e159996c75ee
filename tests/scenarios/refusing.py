"""A process of its own that refuses files, and says what memory that took.

Run as `python -m tests.scenarios.refusing FOLDER`: every file there is refused by what its name
begins with (`archive`, `photo`, `label`). No more than `ROOM_BYTES` beside what the process has
after its imports can be had; the peak of each file, in bytes, is printed as JSON with the code.
"""

import json
import resource
import sys
import tempfile
from pathlib import Path

from panoptic.archives.packing import extract_archive
from panoptic.errors import PanopticError
from panoptic.images import read_header, read_id_map
from store_app.errors import TesseraError

ROOM_BYTES = 96 * 2**20


def refuse(path: Path) -> str:
    """Return the code of the error; "taken" where there is none."""
    try:
        if path.name.startswith("archive"):
            with tempfile.TemporaryDirectory() as folder:
                extract_archive(path, Path(folder))
        elif path.name.startswith("photo"):
            read_header(path)
        else:
            read_id_map(path)
    except (TesseraError, PanopticError) as error:
        return error.code
    except MemoryError:
        return "out of memory"
    return "taken"


def status(field: str) -> int:
    """Return a number of bytes from /proc: VmSize now, VmHWM the peak of what is in use."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise LookupError(field)


def main(folder: Path) -> None:
    limit = status("VmSize") + ROOM_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    outcomes = {}
    for path in sorted(folder.iterdir()):
        # Writing 5 there makes the peak what is in use now.
        Path("/proc/self/clear_refs").write_text("5")
        before = status("VmRSS")
        code = refuse(path)
        outcomes[path.name] = [code, status("VmHWM") - before]
    sys.stdout.write(json.dumps(outcomes))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
