"""Random numbers, and penalties on weights.

``philox.py`` computes each random number from a key and a position, so that random
layers are reproducible; the layers in ``layers/regularization/`` and
``layers/preprocessing/`` call it.  ``l1_l2.py`` adds penalties to the gradients;
``sora_np/regularizers.py`` calls it.  Both call only ``machine/``.
"""
