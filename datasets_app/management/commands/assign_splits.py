"""Splits for many images: by a list, or by the groups that they are of."""

import csv
import json
from argparse import ArgumentParser, ArgumentTypeError
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from datasets_app.actions.splits import (
    Assigned,
    ByGroup,
    ByList,
    Splitting,
    assign_splits,
    preview_splits,
)
from datasets_app.errors import NotFound
from datasets_app.management.console import ConsoleCommand, get_dataset, get_operator
from datasets_app.revs import get_branch
from datasets_app.splitting import GroupKey, InvalidSplitting, SplitRule


class Command(ConsoleCommand):
    help = "Give images their splits in one version, by a list or by groups"

    def add_own_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="the dataset")
        how = parser.add_mutually_exclusive_group(required=True)
        how.add_argument(
            "--ratios",
            type=_ratios,
            metavar="train=0.8,val=0.1,test=0.1",
            help="spread groups by a stable hash",
        )
        how.add_argument(
            "--list",
            type=Path,
            metavar="FILE",
            help="JSON of {name: split} or {split: [names]}, or lines of name,split",
        )
        add_group_arguments(parser)
        parser.add_argument("--seed", default="", help="another one spreads all groups anew")
        parser.add_argument(
            "--keyless",
            choices=("leave", "alone"),
            default="leave",
            help="images without a key: left, or each a group of its own",
        )
        parser.add_argument("--only-unassigned", action="store_true")
        parser.add_argument(
            "--skip-unknown", action="store_true", help="pass over names that are not there"
        )
        parser.add_argument("--branch", default="main")
        parser.add_argument("-m", "--message", default="")
        parser.add_argument("--dry-run", action="store_true", help="count, and commit nothing")
        parser.add_argument("--user", help="who commits (default: the operator account)")

    def run(
        self, *, slug: str, branch: str, dry_run: bool, message: str, user: str | None, **how: Any
    ) -> None:
        dataset = get_dataset(slug)
        head = get_branch(dataset, branch).head
        if head is None:
            raise NotFound("version", branch)
        wanted: dict[str, Any] = {
            "dataset": dataset,
            "branch": branch,
            "expected_head": bytes(head.version_id),
            "splitting": _splitting(how),
        }
        with self.progress("Assigning splits") as progress:
            if dry_run:
                found = preview_splits(**wanted, progress=progress)
            else:
                author = get_operator(user)
                found = assign_splits(**wanted, author=author, message=message, progress=progress)
        self._tell(found)

    def _tell(self, found: Assigned) -> None:
        counts = found.counts.to_json()
        version = found.version
        if self.as_json:
            named = version and {"id": version.id_hex, "number": version.number}
            self.print_json({"version": named, "assignment": counts})
            return
        for row in counts["splits"]:
            groups = "" if row["groups"] is None else f" in {row['groups']} groups"
            self.stdout.write(f"{row['split'] or '(none)'}: {row['images']} images{groups}")
        for row in counts["moves"]:
            self.stdout.write(
                f"{row['from'] or '(none)'} -> {row['to'] or '(none)'}: {row['images']} images"
            )
        if counts["without_key"]["images"]:
            names = ", ".join(counts["without_key"]["names"][:3])
            self.stdout.write(f"left: {counts['without_key']['images']} without a key ({names} …)")
        if counts["divided_groups"]:
            self.stdout.write(f"{counts['divided_groups']} groups stay divided")
        head = f"v{version.number} {version.id_hex[:12]}" if version else "Would be"
        self.stdout.write(f"{head}: {counts['changed']} of {counts['images']} images changed")


def add_group_arguments(parser: ArgumentParser) -> None:
    """Add what groups images: --folders, --pattern, --attribute."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--folders", type=int, help="group by so many leading folders")
    group.add_argument("--pattern", help="group by what stands in {key}: '*/{key}_*'")
    group.add_argument("--attribute", help="group by an attribute, as scene or video")


def _splitting(how: dict[str, Any]) -> Splitting:
    if how["list"] is not None:
        splits = read_list(how["list"])
        return ByList(splits, how["only_unassigned"], how["skip_unknown"])
    key = GroupKey(how["folders"], how["pattern"], how["attribute"])
    rule = SplitRule(how["ratios"], how["seed"])
    return ByGroup(rule, key, how["only_unassigned"], alone=how["keyless"] == "alone")


def _ratios(text: str) -> dict[str, float]:
    try:
        pairs = [part.split("=") for part in text.split(",")]
        ratios = {name.strip(): float(ratio) for name, ratio in pairs}
    except ValueError as error:
        raise ArgumentTypeError(f"{text!r} is not like train=0.8,val=0.1,test=0.1") from error
    if len(ratios) != len(pairs):
        raise ArgumentTypeError(f"{text!r} names a split twice")
    return ratios


def read_list(path: Path) -> dict[str, str]:
    """Read a list of splits: JSON, or lines of a name and a split between commas or tabs.

    Raises
    ------
    InvalidSplitting
        It cannot be understood, or says two things of one name.
    CommandError
        There is no such file.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidSplitting("list", f"{path.name} is no UTF-8 text") from error
    pairs = _pairs_of_json(text) if path.suffix == ".json" else _pairs_of_lines(text)
    splits: dict[str, str] = {}
    for name, split in pairs:
        if splits.setdefault(name, split) != split:
            raise InvalidSplitting("list", f"{name} has two splits, {splits[name]} and {split}")
    return splits


def _pairs_of_json(text: str) -> list[tuple[str, str]]:
    try:
        plain = json.loads(text)
    except ValueError as error:
        raise InvalidSplitting("list", f"no JSON: {error}") from error
    if not isinstance(plain, dict):
        raise InvalidSplitting("list", "an object of {name: split} or {split: [names]}")
    pairs: list[tuple[str, str]] = []
    for key, value in plain.items():
        if isinstance(value, list) and all(isinstance(name, str) for name in value):
            pairs += [(name, key) for name in value]
        elif value is None or isinstance(value, str):
            pairs.append((key, value or ""))
        else:
            raise InvalidSplitting("list", f"{key}: a split, null, or a list of names")
    return pairs


def _pairs_of_lines(text: str) -> list[tuple[str, str]]:
    delimiter = "\t" if "\t" in text else ","
    pairs = []
    for number, row in enumerate(csv.reader(text.splitlines(), delimiter=delimiter), 1):
        if not row:
            continue
        if len(row) != 2:
            raise InvalidSplitting("list", f"line {number} is no name and split")
        pairs.append((row[0], row[1].strip()))
    return pairs
