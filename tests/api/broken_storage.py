"""A storage that never answers."""

from django.core.files.storage import Storage


class BrokenStorage(Storage):
    def exists(self, name: str) -> bool:
        raise ConnectionResetError(name)
