"""What several forms have in common."""

from __future__ import annotations

# Of fields for names and paths: nothing may change what is written there.
PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}

# More of them nobody picks from a menu.
IN_MENU = 200
