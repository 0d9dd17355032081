"""Layers that join several inputs to one output.

Open ``merge.py`` first: it is the base, and says how the inputs' shapes fit together.
Each other file has one layer, and a function of the same name in lower case, as in
Keras.  The layers call ``kernels/merging/``.
"""
