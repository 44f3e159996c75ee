"""Users, memberships with their roles, tokens and audit: what every app above needs."""
