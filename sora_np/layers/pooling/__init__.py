"""Poolings: the largest number, or the mean, of each window or of a whole image."""
