"""Activation functions of single entries, and softmax, with their gradients.

Open ``relu.py`` first.  ``sigmoid.py``, ``tanh.py`` and ``softmax.py`` have a file
each; ``activations.py`` has the others, and ``whole_arrays.py`` their NumPy versions.
``sora_np/activations.py``, the layers in ``layers/activations/``, the losses and the
plan (``engine/``) call them.  They call ``loops/elementary.py`` for e^x and erf.
"""
