"""Import or export once and print the peak of this process's memory as JSON.

python -m benchmarks.memory_child import DATA SOURCE TARGET
python -m benchmarks.memory_child export DATA SOURCE TARGET      # after the import
"""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path


def main(work: str, data: Path, source: Path, target: Path) -> None:
    _set_up(data)
    from datasets_app.actions.exports import ExportRequest, export_version
    from datasets_app.actions.imports import import_labels
    from datasets_app.imports.request import ImportRequest
    from datasets_app.models import Version
    from people_app.models import User

    if work == "import":
        user = User.objects.create(username="bench")
        import_labels(ImportRequest("d", source, "coco_panoptic", create=True), actor=user)
    else:
        version = Version.objects.select_related("taxonomy_version__taxonomy").get()
        export_version(version, target, ExportRequest("coco_panoptic"))
    print(json.dumps({"peak_bytes": _peak_bytes()}))


def _peak_bytes() -> int:
    """Return the most memory that this process ever held."""
    # On Linux ru_maxrss starts at what the parent held when it forked: no use here.
    status = Path("/proc/self/status")
    if status.exists():
        lines = (line.split() for line in status.read_text().splitlines())
        return next(int(line[1]) * 1024 for line in lines if line[0] == "VmHWM:")
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _set_up(data: Path) -> None:
    import django
    from django.core.management import call_command

    os.environ["TESSERA_DATA_DIR"] = str(data)
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    for name in ("DATABASE_URL", "TESSERA_STORAGE_URL"):
        os.environ.pop(name, None)
    django.setup()
    call_command("migrate", verbosity=0)


if __name__ == "__main__":
    main(sys.argv[1], *map(Path, sys.argv[2:]))
