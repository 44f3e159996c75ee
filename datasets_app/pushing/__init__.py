"""What a client brings before it commits: labels, photographs, attributes."""
