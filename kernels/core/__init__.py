"""The fully connected product, and the gradient by a bias.

Open ``dense.py`` first; ``bias.py`` sums dy over all rows, behind a ReLU or without
one.  ``layers/core/dense.py`` and ``engine/fusion/affine.py`` call them.  They call
``loops/sweeps.py`` or ``loops/matrices.py`` forward, and ``loops/sums.py`` backward.
"""
