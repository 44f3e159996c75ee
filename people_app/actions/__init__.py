"""What changes people's rights: one public verb is one transaction and one audit event."""
