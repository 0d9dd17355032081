"""Layers that normalise by statistics of the batch, or of each sample.

Open ``batch_normalization.py`` first.  The layers call ``kernels/normalization/``; only
``unit_normalization.py`` computes with NumPy.
"""
