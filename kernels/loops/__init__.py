"""The inner loops that several operations share.

Open ``products.py`` first: its equation (1), sums over the windows of x, is the forward
pass of convolutions and of the dense layer, and its equation (2) is their gradient by
the weights.  ``sweeps.py`` makes of (1), and ``sums.py`` of (2), the tasks over all
images of a batch; the operations call these two.

- ``images.py`` pads images, and ``packing.py`` copies weights into the order in which
  (1) reads them.
- ``matrices.py`` has transposed matrices, and products for few rows.
- ``depthwise.py``, ``winograd_tiles.py`` and ``list_backward.py`` are the loops of
  three convolutions, and ``channels.py`` those of batch normalisation.
- ``elementary.py`` has e^x, e^x - 1 and erf, and ``windows.py`` the windows of images
  for the NumPy versions.

The loops multiply by the operations of ``machine/tile.py``.
"""
