"""Activation functions as layers: one number in, one number out; and Softmax.

Open ``activation.py`` first: it takes any function of ``sora_np/activations.py`` by its
name.  The others have a file each.  They call ``kernels/activations/``.
"""
