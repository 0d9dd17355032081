"""Convolutions and their gradients.

Open ``conv2d.py`` first: it has the formulas, and chooses among its own fast loops,
``depthwise2d.py`` (one filter a channel) and ``winograd.py`` (3x3 filters).
``conv2d_relu_maxpool2d.py`` does three operations in one pass, ``fold.py`` joins a
normalisation with the filters before it, and ``im2col.py`` holds the NumPy versions.
The layers in ``layers/convolutional/`` and the patterns in ``engine/fusion/`` call
them.  They call the loops in ``loops/``.
"""
