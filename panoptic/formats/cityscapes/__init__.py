"""Cityscapes: its tree of files, and the panoptic files made of it."""
