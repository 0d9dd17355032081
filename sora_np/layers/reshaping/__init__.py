"""Layers that give the same numbers in another shape, or around and between others.

Open ``flatten.py`` first.  ``margins.py`` says what padding and cropping are.  They
call ``kernels/reshaping/`` where numbers move.
"""
