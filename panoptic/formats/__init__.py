"""Label formats, both ways, one image at a time; see `base` for the steps, `registry` for names."""
