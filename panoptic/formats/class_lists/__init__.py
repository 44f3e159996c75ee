"""The lists of classes that files of well-known formats mean by their numbers."""
