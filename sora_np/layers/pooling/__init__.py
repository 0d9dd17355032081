"""Poolings: the largest number of each window."""
