"""Runs the layers of a model: one by one as in a textbook, or by a fast plan.

Open ``runner.py`` first: for each batch it returns a plan, or an object that runs the
layers one by one.  Both have the same methods, which ``training/step.py`` calls in this
order: ``prepare``, ``load``, ``value_and_gradient``, ``backward``, ``activated``.

- ``network.py`` is the base class of every model: it holds the layers, and predicts.
- ``layer_by_layer.py`` is the textbook's way, with a forward and a backward pass.  It
  uses ``graph.py``, which has the nodes in topological order.
- ``plan.py`` is the fast way: the same nodes with buffers that are used again.
  ``fusion/`` joins nodes to one step, ``sources.py`` copies a batch from the data, and
  ``buffers.py`` orders the backward passes and shares arrays among gradients.
  ``channels_last.py`` leaves out transpositions between layers for channels first.
- ``parameters.py`` holds all parameters as one vector, and all gradients as another.
  The arrays of the layers are views of these, so an optimiser changes two vectors.
- ``head.py`` has the end of a model: its last activation and its loss.  ``heads.py``
  does the same for several outputs.

``models/`` and ``training/`` call it.  It calls ``layers/``, or their kernels directly.
"""
