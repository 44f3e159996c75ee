"""The guide for operators names what there is, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parent.parent.parent
_GUIDES = _ROOT / "docs" / "guides"
_PRODUCTION = _GUIDES / "production"
_GUIDE = (_GUIDES / "operators.md").read_text()
_SOURCE = "\n".join(
    path.read_text()
    for folder in ("config", "api", "web", "datasets_app", "people_app", "store_app", "panoptic")
    for path in sorted((_ROOT / folder).rglob("*.py"))
)
_READ_FOR_TESTS = {"TESSERA_TEST_DATABASE"}


def settings_read() -> set[str]:
    """The variables that the settings read: `env.str("NAME"…)`."""
    found = set()
    for path in (_ROOT / "config").rglob("*.py"):
        found |= set(re.findall(r"""\benv\.\w+\(\s*["']([A-Z_]+)["']""", path.read_text()))
    return found - _READ_FOR_TESTS


def settings_told() -> set[str]:
    """The variables in the first column of the guide's table of settings."""
    table = _GUIDE.partition("## Settings")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([A-Z_]+)`", row)}


def test_every_setting_that_is_read_is_told() -> None:
    assert len(settings_read()) > 20
    assert settings_read() - settings_told() == set()


def test_every_setting_that_is_told_is_read() -> None:
    ours = {name for name in settings_told() if not name.startswith("AWS_")}
    assert {name for name in ours if name not in _SOURCE} == set()


def test_every_command_is_named() -> None:
    commands = {
        path.stem
        for path in _ROOT.glob("*/management/commands/*.py")
        if not path.stem.startswith("_")
    }
    assert len(commands) > 20
    assert {name for name in commands if not re.search(rf"\b{name}\b", _GUIDE)} == set()


def test_every_metric_in_guide_and_alerts_is_one_that_the_service_tells() -> None:
    told = _GUIDE + (_PRODUCTION / "tessera-alerts.yml").read_text()
    names = set(re.findall(r"\btessera_[a-z_]+", told)) - {"tessera_drill"}
    families = {re.sub(r"_(total|bucket)$", "", name) for name in names}
    assert len(families) > 15
    written = re.sub(r"tessera_store_\{name\}", "tessera_store_blobs tessera_store_files", _SOURCE)
    assert {name for name in families if name not in written} == set()


def test_the_files_of_production_read_settings_that_exist() -> None:
    named = set()
    for path in _PRODUCTION.iterdir():
        named |= set(re.findall(r"\b(?:TESSERA_[A-Z_]+|DATABASE_URL)\b", path.read_text()))
    assert named - settings_told() == set()


@pytest.mark.parametrize("path", sorted(_PRODUCTION.iterdir()), ids=lambda path: path.name)
def test_every_file_of_production_is_used_in_the_guide(path: Path) -> None:
    kinds = f"*{path.suffix}"
    assert path.name in _GUIDE or f"production/{kinds}" in _GUIDE


def test_links_within_the_guide_lead_somewhere() -> None:
    headings = re.findall(r"^## (.+)$", _GUIDE, re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in headings}
    assert set(re.findall(r"\]\(#([^)]+)\)", _GUIDE)) - anchors == set()
    for target in re.findall(r"\]\(([^)#:]+)\)", _GUIDE):
        assert (_GUIDES / target).exists(), target
