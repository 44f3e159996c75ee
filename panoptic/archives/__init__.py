"""Zip and tar archives in and out: what comes in cannot escape its folder nor explode, and what
goes out is the same bytes for the same files.
"""
