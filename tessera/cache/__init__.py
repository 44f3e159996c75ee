"""The bytes that a client has, by digest: shared by all its snapshots and working copies."""

from tessera.cache.cache import Cache, CacheFinding, Place

__all__ = ["Cache", "CacheFinding", "Place"]
