"""Shards for training: Parquet and WebDataset."""
