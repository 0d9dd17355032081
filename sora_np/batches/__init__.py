"""From what a user hands to ``fit``, ``evaluate`` or ``predict`` to batches.

``arrays.py`` checks arrays once and cuts them, ``streams.py`` takes batches from
objects and generators one by one, and ``feeds.py`` makes of either one feed that a pass
runs through.  ``class_weights.py`` turns weights of classes into weights of samples.
"""
