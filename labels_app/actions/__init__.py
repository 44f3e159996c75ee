"""What changes taxonomies: one public verb is one transaction and one audit event."""
