"""Layers that prepare x before a network sees it, as part of the model.

Open ``rescaling.py`` first.  ``normalization.py``, ``min_max_scaling.py`` and
``rescaling.py`` scale numbers.  The first two measure the training data once
(``fitted.py``).  ``resizing.py`` and ``center_crop.py`` bring images to one size
(``framing.py``).  ``random_*.py`` change images differently in every epoch: five move
pixels (``warp.py``), one crops, and three change brightness or erase parts.  These
three take the range of x as an argument (``value_range.py``).

They call ``kernels/preprocessing/`` and ``kernels/regularization/philox.py``.
"""
