"""Training seen from within: each array of a step, every number with its sum, times.

- ``times.py`` measures what layers cost as loops, in NumPy and as kernels.
"""

from .times import RungTimes, rung_times

__all__ = ["RungTimes", "rung_times"]
