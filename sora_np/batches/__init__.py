"""From the data that a user passes to ``fit``, ``evaluate`` or ``predict`` to batches.

Open ``feeds.py`` first: a feed yields the batches of one pass over the data, and can do
so again for the next pass.  ``arrays.py`` checks arrays and splits them, ``streams.py``
takes batches from objects and generators one by one, and ``feeds.py`` makes a feed of
either.  ``class_weights.py`` turns weights of classes into weights of samples, and
``ranges.py`` notes the range of the numbers in x.

``models/trained.py`` and ``engine/network.py`` make the feeds, and
``training/epochs.py`` runs through them.
"""
