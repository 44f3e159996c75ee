"""A version as an ordinary folder that people edit (docs/formats/working-copy.md).

images/<name>          photographs
panoptic/<name>.png    segment ids as colours: R + 256·G + 65536·B
panoptic.json          COCO panoptic: classes, and for each image its segments
.tessera/              where it comes from, and what the files were when they were written
"""

from tessera.working_copy.copy import WorkingCopy, clone, find_working_copy
from tessera.working_copy.scanning import LocalChange, Scan, scan

__all__ = ["LocalChange", "Scan", "WorkingCopy", "clone", "find_working_copy", "scan"]
