"""From label files to a version, one stage per module.

`reading` decodes files in worker processes, `classes` binds a file's classes to a
taxonomy, `photographs` stores pictures, `planning` compares with the head of the
branch, and `datasets_app.actions.imports` runs them and commits.
"""
