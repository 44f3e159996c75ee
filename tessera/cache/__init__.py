"""The bytes that a client has, by digest: shared by all its snapshots and working copies."""

from tessera.cache.cache import Cache
from tessera.cache.checking import CacheFinding
from tessera.cache.index import Place

__all__ = ["Cache", "CacheFinding", "Place"]
