"""ADE20K with its objects, parts and hidden pixels."""
