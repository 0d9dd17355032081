"""Layers that normalise by the statistics of the batch, and learn scale and offset."""
