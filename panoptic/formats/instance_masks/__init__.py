"""A mask per instance, a folder per image."""
