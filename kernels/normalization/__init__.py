"""Normalisation by the statistics of a batch, of a row or of a group of channels.

Open ``batch_normalization.py`` first; ``layer_normalization.py`` and
``group_normalization.py`` have the same parts.  The layers in ``layers/normalization/``
and the patterns in ``engine/fusion/`` call them.  They call the loops in ``loops/``.
"""
