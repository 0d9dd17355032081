"""Layers that change a sample's shape: they reorder, pad, crop, repeat or resize.

Open ``flatten.py`` first.  ``margins.py`` is the base of padding and cropping.  The
layers call ``kernels/reshaping/`` if NumPy's own functions do not suffice.
"""
