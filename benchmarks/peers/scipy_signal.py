"""SciPy: scipy.signal.correlate, one call a filter; forward and stride 1 alone."""

import numpy as np
import scipy
from scipy.signal import correlate

from benchmarks.peers import Variant
from benchmarks.problems import operands

LIMIT = 5e8  # flops, so that a call takes no more than some 2 s


def version():
    return scipy.__version__


def variants(task):
    op = task.what
    if task.kind != "conv2d" or task.flops > LIMIT:
        return {}
    if (op.stride, op.dilation, op.groups) != (1, 1, 1):
        return {}
    return {"correlate": lambda: _conv2d(task)}


def _conv2d(task):
    a, pad = operands(task), task.what.pad
    w = a["w"]

    def run():
        x = np.pad(a["x"], ((0, 0), (pad, pad), (pad, pad), (0, 0)))
        y = [correlate(x, w[None, ..., o], "valid") for o in range(w.shape[3])]
        return np.concatenate(y, axis=3) + a["b"]

    return Variant(run)
