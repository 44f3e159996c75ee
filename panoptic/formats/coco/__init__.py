"""COCO: panoptic, instances and stuff."""
