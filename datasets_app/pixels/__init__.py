"""Comparing the pixels of two versions: pairs of labels, then sums over versions."""
