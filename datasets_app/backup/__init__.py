"""The whole service as one portable archive (docs/formats/backup.md)."""
