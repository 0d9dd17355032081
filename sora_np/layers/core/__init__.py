"""What most networks begin and end with: where x comes in, and the dense layer.

Open ``dense.py`` first, which calls ``kernels/core/``.  ``input.py`` is where x comes
in, ``identity.py`` returns x, and ``lambda_layer.py`` calls a function of the user's.
"""
