"""Pascal VOC, and the masks of CVAT in its layout."""
