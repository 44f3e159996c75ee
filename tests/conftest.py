"""What every test has: laws without a clock, and caches that remember no other test."""

import sys

import pytest
from hypothesis import settings as law_settings

from tests.laws import EXAMPLES

law_settings.register_profile("tessera", deadline=None, max_examples=EXAMPLES)
law_settings.load_profile("tessera")


@pytest.fixture(autouse=True)
def _no_readings_kept() -> None:
    """Forget readings of taxonomies: rows of SQLite get their numbers again after a rollback."""
    reading = sys.modules.get("labels_app.reading")  # the core's tests never load it
    if reading is not None:
        reading._reading_of.cache_clear()
        reading._class_map.cache_clear()
