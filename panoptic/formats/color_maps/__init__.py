"""Colour maps with a table of their classes."""
