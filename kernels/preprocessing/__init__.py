"""Operations on samples before the first layer with weights.

``gather.py`` copies the samples of a batch out of a data set, converts them to floats
and rescales them.  ``engine/sources.py`` calls it; it is the first kernel of every
training step on arrays.  ``affine_warp.py`` rotates, moves and zooms images; the layers
in ``layers/preprocessing/`` and ``engine/fusion/warp.py`` call it.  Both call only
``machine/``.
"""
