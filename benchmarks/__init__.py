"""Benchmarks, run from a checkout: python -m benchmarks.

``networks.py`` says what a network is, ``graphs.py`` which ones branch, ``problems.py``
and ``layer_ops.py`` which operations there are; ``peers/`` builds all of them in each
framework.  ``__main__.py`` says the rest.
"""
