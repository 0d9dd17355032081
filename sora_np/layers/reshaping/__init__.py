"""Layers that give the same numbers in another shape."""
