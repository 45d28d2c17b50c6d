"""Lazy values: programs written in Python, of the same plan nodes as those in ImgQL."""
