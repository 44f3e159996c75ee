"""Leaks: images of different splits that are the same, look the same, or belong together."""
