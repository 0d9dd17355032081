"""Layers that disturb training so that networks do not learn by heart.

Open ``dropout.py`` first.  In prediction all of them return x.  They take random
numbers from ``kernels/regularization/philox.py``.
"""
