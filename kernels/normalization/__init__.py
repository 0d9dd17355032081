"""Normalisation over batches, rows and groups."""
