"""Benchmarks, run from a checkout: python -m benchmarks.

``networks.py`` defines networks, ``graphs.py`` those with branches, ``problems.py`` and
``layer_ops.py`` the operations; ``peers/`` builds all of them in each framework.
``__main__.py`` describes the options.
"""
