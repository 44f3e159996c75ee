"""What a client needs to have a version: entries, and where their bytes are."""
