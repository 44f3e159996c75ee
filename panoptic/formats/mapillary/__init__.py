"""Mapillary Vistas."""
