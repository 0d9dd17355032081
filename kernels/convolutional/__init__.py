"""Convolutions and their gradients.

Open ``conv2d.py`` first: it has the formulas, and chooses between its own fast loops,
``depthwise2d.py`` (one filter per channel) and ``winograd.py`` (3x3 filters).
``conv2d_relu_maxpool2d.py`` does three operations in one pass, ``fold.py`` includes a
normalisation in the filters before it, and ``im2col.py`` has the NumPy versions.  The
layers in ``layers/convolutional/`` and the patterns in ``engine/fusion/`` call them.
They call the loops in ``loops/``.
"""
