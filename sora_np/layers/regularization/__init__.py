"""Layers that act only in training, so that networks overfit less.

Open ``dropout.py`` first.  In prediction all of them return x.  Most of them take their
random numbers from ``kernels/regularization/philox.py``.
"""
