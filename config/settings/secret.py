"""A secret key for machines where nobody set one."""

import contextlib
import os
import tempfile
from pathlib import Path

from django.core.management.utils import get_random_secret_key


def stored_secret(data_dir: Path) -> str:
    """Return the key kept under `data_dir`, made at the first start."""
    path = data_dir / "secret_key"
    if not path.exists():
        # Web server and worker start together: a link appears whole or not at all,
        # and the second of the two finds the first one's key.
        with tempfile.NamedTemporaryFile("w", dir=data_dir) as file:
            file.write(get_random_secret_key())
            file.flush()
            with contextlib.suppress(FileExistsError):
                os.link(file.name, path)
    return path.read_text()
