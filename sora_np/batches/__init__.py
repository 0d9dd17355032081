"""From what a user hands to ``fit``, ``evaluate`` or ``predict`` to batches.

Open ``feeds.py`` first: a feed gives the batches of one pass over the data after the
other.  ``arrays.py`` checks arrays once and cuts them, ``streams.py`` takes batches
from objects and generators one by one, and ``feeds.py`` makes a feed of either.
``class_weights.py`` turns weights of classes into weights of samples, and ``ranges.py``
notes the range of the numbers in x.

``models/trained.py`` and ``engine/network.py`` make the feeds, and
``training/epochs.py`` runs through them.
"""
