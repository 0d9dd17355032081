"""Activation functions as layers.

Open ``activation.py`` first: it takes any function of ``sora_np/activations.py`` by its
name.  Each other layer has its own file.  They call ``kernels/activations/``.
"""
