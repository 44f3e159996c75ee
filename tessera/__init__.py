"""The client of a Tessera service: what ML teams install."""

__version__ = "0.1.0"
