"""What changes history: one public verb is one transaction and one audit event."""
