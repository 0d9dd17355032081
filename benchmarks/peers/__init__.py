"""The frameworks, each in its file, with the same functions.

``variants(task)`` returns a dict: name of a setting -> function that makes a
:class:`Variant`; it is empty if the framework cannot run the task.  Each framework runs
in its own process (``worker.py``) and is imported only there.
"""

import importlib.util
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from benchmarks.images import fashion

# name -> module here, packages that it needs
PEERS = {
    "sora_np": ("sora", ("numba",)),
    "PyTorch": ("pytorch", ("torch",)),
    "TensorFlow": ("tensorflow_keras", ("tensorflow",)),
    "JAX": ("jax_xla", ("jax",)),
    "ONNX Runtime": ("onnx_runtime", ("onnxruntime", "onnx")),
    "OpenVINO": ("open_vino", ("openvino", "onnx")),
    "NumPy": ("numpy_im2col", ("numpy",)),
    "SciPy": ("scipy_signal", ("scipy",)),
}
PROBES = {
    "FMA peak": ("fma_peak", ("numba",)),
    "state": ("trained_state", ("numba",)),
}


def missing(name):
    """Return the packages that a peer needs and that are not installed."""
    return [p for p in (PEERS | PROBES)[name][1] if importlib.util.find_spec(p) is None]


def arrays(result):
    """Return a result, an array or several, as a list of NumPy arrays."""
    many = isinstance(result, (list, tuple))
    return [np.asarray(a) for a in (result if many else [result])]


class Variant(NamedTuple):
    """One framework at one setting, ready to run."""

    run: Callable[[], Any]  # what is timed; a training step returns its loss
    # what run returned -> arrays in NHWC, HWIO: for the check alone
    result: Callable[[Any], list[Any]] = arrays
    # d(loss)/d(parameter) of every parameter, before the first step, no dropout
    gradients: Callable[[], list[Any]] | None = None
    load: Callable[[Any], None] | None = None  # goes on from a networks.State
    trial: Callable[[], Any] | None = None  # a small part of a long run


def training(step, batches, gradients, load):
    """Return the variant whose calls are steps on one batch after the other.

    Parameters
    ----------
    step : function of images and labels, as in ``batches``
    load : function of a ``networks.State``; the batches begin anew with it
    """
    turn = [0]

    def run():
        batch = batches[turn[0] % len(batches)]
        turn[0] += 1
        return step(*batch)

    def begin(state):
        turn[0] = 0
        load(state)

    return Variant(run, gradients=gradients, load=begin)


TRIAL = 6_400  # images of one epoch that warms up, and that shows which setting is best


def whole_run(fit, run, load):
    """Return the variant of a ``networks.WholeRun``.

    Parameters
    ----------
    fit : function of images, labels, the same for validation, and epochs; returns the
        accuracy at the end
    load : function of a ``networks.State``, before the run
    """

    def part(images, epochs):
        data = fashion(images)
        return lambda: fit(*data, epochs)

    images = min(TRIAL, run.images or TRIAL)
    return Variant(part(run.images, run.epochs), trial=part(images, 1), load=load)
