"""What is done to x before a network sees it, as part of the model.

Open ``rescaling.py`` first.  ``normalization.py``, ``min_max_scaling.py`` and
``rescaling.py`` scale numbers; the first two measure them once (``fitted.py``).
``resizing.py`` and ``center_crop.py`` bring images to a size, as ``framing.py`` says.
``random_*.py`` change images anew in every epoch: five move pixels, as ``warp.py``
says; one takes parts of them; three change brightness or hide parts, for which
``value_range.py`` says how bright pixels are.

They call ``kernels/preprocessing/`` and ``kernels/regularization/philox.py``.
"""
