"""One step of every optimiser, in place.

Open ``sgd.py`` first; there is one file per optimiser.  ``clip.py`` clips gradients,
and ``axpby.py`` computes a y + b x for the options that all optimisers have.  The
classes of ``sora_np/optimizers/`` turn them into tasks, which run after the backward
pass.  They call only ``machine/``.
"""
