"""Webhooks: what happens to a dataset is told to other programs, signed, until it arrives."""
