"""Layers that reduce overfitting.

Open ``dropout.py`` first.  In prediction all of them return x.  Most of them take their
random numbers from ``kernels/regularization/philox.py``.
"""
