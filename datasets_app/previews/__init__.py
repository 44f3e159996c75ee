"""What publishing a taxonomy would do to branches that use it, before anybody does it.

Nothing is written and no label is opened: the numbers come from the statistics of the heads and
from unions (`datasets_app.unions`), so a preview costs the same for ten images and for ten
million. What every number means is said at `datasets_app.previews.effects.ChangeEffect`.
"""

from datasets_app.previews.effects import ChangeEffect, ClassTotals, ClassTurn
from datasets_app.previews.examples import ExampleImage, find_examples
from datasets_app.previews.heads import ChosenHeads, Head, NamedBranch, choose_heads
from datasets_app.previews.plain import change_to_plain, preview_to_plain
from datasets_app.previews.previewing import BranchPreview, Preview, preview_changes

__all__ = [
    "BranchPreview",
    "ChangeEffect",
    "ChosenHeads",
    "ClassTotals",
    "ClassTurn",
    "ExampleImage",
    "Head",
    "NamedBranch",
    "Preview",
    "change_to_plain",
    "choose_heads",
    "find_examples",
    "preview_changes",
    "preview_to_plain",
]
