"""Get a version: the plan, the bytes, and a snapshot of both in the cache."""

from tessera.pulling.asking import PullRequest
from tessera.pulling.pull import Pulled, pull

__all__ = ["PullRequest", "Pulled", "pull"]
