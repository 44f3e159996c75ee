"""Datasets and their history: images, versions, branches, tags, tree, comparison, jobs."""
