"""Poolings: the largest number, or the mean, of each window or of a whole image.

Open ``max_pooling2d.py`` first.  ``base.py`` has what all of them share.  The layers
call ``kernels/pooling/``, where a sequence is an image of one row.
"""
