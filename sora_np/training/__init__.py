"""How a model learns: ``epochs.py`` runs the epochs of ``fit``, ``step.py`` one batch.

Open ``epochs.py`` first: for every batch of the feed it calls ``step.py``, the metrics
and the callbacks; it also handles Ctrl-C and evaluates.  ``step.py`` checks data
against the model and its loss, and trains on one batch: it loads the batch, computes
the loss, runs the backward pass and lets the optimiser change the parameters.
``several.py`` does the same for several outputs.  ``names.py`` finds metrics and their
names, ``functions.py`` tries scikit-learn's functions before training, and
``frozen.py`` warns if layers were frozen after ``compile``.

``models/trained.py`` calls it.  It calls ``engine/runner.py``, which runs the layers.
"""
