"""Several arrays become one.

Open ``merge.py`` first: sums, largest and smallest entries, and concatenation.
``batch_dot.py`` multiplies two matrices for every sample.  The layers in
``layers/merging/`` and ``engine/fusion/merging.py`` call them, and
``engine/buffers.py`` adds gradients by them.  They call ``machine/`` alone.
"""
