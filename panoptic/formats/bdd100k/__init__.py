"""BDD100K: bitmasks, and semantic maps."""
