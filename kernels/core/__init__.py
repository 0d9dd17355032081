"""The fully connected product, and the gradient of a bias.

Open ``dense.py`` first.  ``bias.py`` sums dy over all rows, optionally after the
backward pass of a ReLU.  ``layers/core/dense.py`` and ``engine/fusion/affine.py`` call
them.  They call ``loops/sweeps.py`` or ``loops/matrices.py`` forward, and
``loops/sums.py`` backward.
"""
