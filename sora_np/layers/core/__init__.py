"""The layers that most networks begin and end with: Input and Dense.

Open ``dense.py`` first, which calls ``kernels/core/``.  ``input.py`` has the layer that
takes x, ``identity.py`` returns x, ``lambda_layer.py`` calls a user's
function, ``operation.py`` one of NumPy's, and ``added_loss.py`` adds to the loss.
"""
