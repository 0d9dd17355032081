"""The largest number, or the mean, of every window; with the gradients.

Open ``maxpool2d.py`` first; ``avgpool2d.py`` has the same parts.  The layers in
``layers/pooling/``, ``engine/fusion/pooling.py`` and
``convolutional/conv2d_relu_maxpool2d.py`` call them.
"""
