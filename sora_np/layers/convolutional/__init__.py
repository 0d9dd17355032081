"""Convolutions: a small kernel slides over images, or along sequences.

Open ``conv2d.py`` first.  ``base.py`` has the arguments that all of them share.  The
layers call ``kernels/convolutional/``, where a sequence is an image of one row.
"""
