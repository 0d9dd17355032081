"""The inner loops that several operations share.

Open ``products.py`` first.  Its equation (1), sums over the windows of x, is the
forward pass of convolutions and of the dense layer; its equation (2) is their gradient
with respect to the weights.  ``sweeps.py`` turns (1), and ``sums.py`` turns (2), into
tasks over all images of a batch; the operations call these two.

- ``images.py`` pads images, and ``packing.py`` copies weights into the order in which
  (1) reads them.
- ``matrices.py`` has transposed matrices, and products for few rows.
- ``depthwise.py``, ``winograd_tiles.py`` and ``list_backward.py`` have the loops of
  three convolutions, and ``channels.py`` those of batch normalisation.
- ``elementary.py`` has e^x, e^x - 1 and erf, and ``windows.py`` the windows of images
  for the NumPy versions.

The loops multiply with the operations of ``machine/tile.py``.
"""
