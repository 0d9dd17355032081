"""How layers run: as one function of a batch, the textbook's way or the fast one.

Open ``runner.py`` first: for each batch it returns a plan, or an object that runs the
layers one by one.  Both have the same methods, which ``training/step.py`` calls in this
order: ``prepare``, ``load``, ``value_and_gradient``, ``backward``, ``activated``.

- ``network.py`` is the base of every model: it holds the layers, and it predicts.
- The textbook's way is ``layer_by_layer.py``, over ``graph.py``: nodes in topological
  order, forward and backward.
- The fast way is ``plan.py``: the same nodes over reused buffers.  ``fusion/`` joins
  nodes to one step, ``sources.py`` takes a batch from the data, and ``buffers.py`` puts
  the backward passes in order and shares arrays among gradients.
- ``parameters.py`` holds all parameters as one vector, and all gradients as another;
  the arrays of the layers are views of these, so an optimiser changes the two vectors.
- ``head.py`` is the end of a model: its last activation and the loss behind it;
  ``heads.py`` is the same for several outputs.

``models/`` and ``training/`` call it.  It calls ``layers/``, or their kernels directly.
"""
