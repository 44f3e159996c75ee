"""ADE20K's scene parsing benchmark."""
