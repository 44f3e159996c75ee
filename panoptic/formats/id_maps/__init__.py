"""Maps of ids with tables of segments or classes."""
