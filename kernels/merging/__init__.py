"""Operations that merge several arrays into one.

Open ``merge.py`` first: it has sums, largest and smallest entries, and concatenation.
``batch_dot.py`` multiplies two matrices for every sample.  The layers in
``layers/merging/`` and ``engine/fusion/merging.py`` call them, and
``engine/buffers.py`` adds gradients with them.  They call only ``machine/``.
"""
