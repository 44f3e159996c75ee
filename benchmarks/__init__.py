"""What the project promises about speed and size, measured as ratios in one run (`make bench`).

A story is one file of `benchmarks/stories`: it prepares its data, checks that both sides give the
same answer, and yields rows. Nothing here is imported by the project.
"""
