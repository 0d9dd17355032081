"""Layers that normalise by statistics of the batch, or of each sample."""
