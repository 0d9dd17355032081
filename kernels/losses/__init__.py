"""The only loss with a kernel: softmax and cross-entropy in one, from logits.

``sora_np/losses/crossentropy.py`` calls ``softmax_crossentropy.py``; the other losses
are NumPy expressions in ``sora_np/losses/``.  It calls only ``machine/``.
"""
