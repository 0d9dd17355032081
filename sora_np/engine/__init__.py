"""How layers run: as one function of a batch, the textbook's way or the fast one.

- ``network.py`` holds the layers and predicts.  It asks ``runner.py`` for what runs
  a batch: a plan, or the layers one by one.
- The textbook's way is ``graph.py``: nodes in topological order, forward and backward.
  ``parameters.py`` holds all their parameters as one vector.
- The fast way is ``plan.py``: the same nodes over reused buffers, some of them fused to
  one step by ``fused.py``.
- ``head.py`` is the end of a model: its last activation and the loss behind it.
"""
