"""Several inputs become one output.

Open ``merge.py`` first: it is the base, and says how the inputs' shapes fit together.
There is one layer a file, with the function that Keras has beside it.  They call
``kernels/merging/``.
"""
