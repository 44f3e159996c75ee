"""Taxonomies and the readings they give; label revisions and their statistics."""
