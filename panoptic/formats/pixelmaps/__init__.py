"""Maps of class values under a convention."""
