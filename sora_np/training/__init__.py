"""How a model learns: ``epochs.py`` runs the epochs of ``fit``, ``step.py`` one batch.

``epochs.py`` calls the callbacks, notices Ctrl-C and evaluates.  ``step.py`` checks
data against the model and its loss, takes a step of the optimiser, and measures.
"""
