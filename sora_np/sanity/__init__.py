"""Sanity: check a model and its data before training.  A diagnosis in words.

>>> import numpy as np
>>> from sora_np import Dense, Sequential, sanity
>>> rng = np.random.default_rng(0)
>>> x = rng.normal(size=(300, 8))
>>> y = (x[:, 0] > x[:, 1]).astype(int)
>>> model = Sequential([Dense(16, "relu"), Dense(2, "softmax")])
>>> model.compile("adam", "sparse_categorical_crossentropy")
>>> sanity.check(model, x, y).passed
True
>>> report = sanity.check(model, 1000 * x, y)  # without scaling
>>> [finding.name for finding in report.suspects]
['scale of inputs', 'initial loss']

:func:`check` tests the data (NaN, classes, duplicates, test samples in the training
data, constant features) and the model before training (the scale of inputs, its loss
compared with ln C, gradients by layer, dead ReLUs, the size of a step).  Then copies of
the model learn for some seconds: they memorise 20 samples, and learn true and shuffled
targets.  Each suspect finding has its figure, its meaning and a remedy.

Open ``data.py`` first: it tests the data.  ``start.py`` tests the model before
training, ``trials.py`` trains copies, which ``copies.py`` makes, and ``report.py`` is
the result.  Users call :func:`check`.

Source: Karpathy, "A recipe for training neural networks" (2019); the Stanford course
CS231n, "Neural networks part 3", for ln C, the 20 samples and updates of about 1e-3,
and "part 1" for 40 % of dead units.
"""

import copy
import math
import warnings
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sora_np.common.inputs import columns_of
from sora_np.datasets.image_folder import ImageFolder
from sora_np.models import Sequential

from . import data, start, trials
from .data import drawn
from .report import Finding, SanityReport

__all__ = ["Finding", "SanityReport", "check"]

NUMBERS = 2**25  # about the size of the largest array of an experiment
LOOKED_AT, PROBE = 2000, 128  # samples for tests of features, and of the model


def check(
    model: Sequential,
    x: Any,
    y: ArrayLike | None = None,
    x_test: Any = None,
    y_test: ArrayLike | None = None,
    *,
    seed: int = 0,
) -> SanityReport:
    """Look for common causes of bad training; ``print`` the report.

    The check trains copies and does not change the model.  From large data it takes a
    random part.  It takes some hundred training steps of 20 to 32 samples, which is
    some seconds.

    Parameters
    ----------
    model : compiled as for training, and best not trained yet
    x, y : arrays, the training data as for ``fit``
    x_test, y_test : validation or test data, compared with x and y.  x and x_test may
        also be results of ``image_dataset_from_directory``, without y; the report then
        names files
    seed : of random parts and shuffling

    Raises
    ------
    RuntimeError : before ``compile``
    ValueError, TypeError : for data that do not fit the model, as in ``fit``

    Examples
    --------
    >>> from sora_np import Dense
    >>> x = np.linspace(-1, 1, 200)[:, None]
    >>> model = Sequential([Dense(8, "tanh"), Dense(1)])
    >>> model.compile("adam", "mse")
    >>> report = check(model, x, np.sin(3 * x), x_test=x[:20])
    >>> report["test samples in x"].verdict
    'suspect'
    """
    if not isinstance(model, Sequential):
        raise TypeError(f"check takes a model, got {type(model).__name__}")
    files = test_files = None
    if isinstance(x, ImageFolder):
        files = [str(path) for path in x.file_paths]
        x, y = x.arrays()
    if isinstance(x_test, ImageFolder):
        test_files = [str(path) for path in x_test.file_paths]
        x_test, y_test = x_test.arrays()
    rng = np.random.default_rng(seed)
    model = copy.deepcopy(model)
    inputs, targets, _ = model._steps.checked(x, y)
    test_inputs = None if x_test is None else model._inputs(x_test)
    test_targets = None
    if y_test is not None:
        if x_test is None:
            raise ValueError("y_test needs x_test, got x_test=None")
        test_inputs, test_targets, _ = model._steps.checked(x_test, y_test)
    loss, width = model._steps.loss_for(targets), model.output_sample_shape[-1]
    some = drawn(len(inputs), _most(LOOKED_AT, math.prod(inputs.shape[1:])), rng)
    findings = [
        data.finite_numbers(inputs[some], targets),
        data.class_balance(loss, targets, test_targets, width),
        *data.duplicates(inputs, targets, test_inputs, rng, files, test_files),
        data.constant_features(inputs[some], columns_of(x)),
    ]
    if test_inputs is not None:
        others = test_inputs[drawn(len(test_inputs), len(some), rng)]
        findings.append(data.scale_of_test_data(inputs[some], others))
    subject = f"{model.name}, {len(inputs)} samples"
    if findings[0].verdict != "ok":
        return SanityReport(subject, findings)  # the other figures would be NaN
    size = max(math.prod(node.output_shape) for node in model.nodes)
    some = drawn(len(inputs), _most(trials.MOST, size), rng)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # each was given above, or is a finding
        findings += _of_model(model, loss, inputs[some], targets[some], rng)
    return SanityReport(subject, findings)


def _of_model(
    model: Sequential, loss: Any, x: Any, y: Any, rng: np.random.Generator
) -> list[Finding]:
    few = drawn(len(x), PROBE, rng)
    learnt, rate = trials.overfit(model, loss, x, y)
    return [
        start.scale_at_first_weights(model, x[few]),
        start.initial_loss(model, loss, x[few], y[few]),
        start.gradients_by_layer(model, loss, x[few], y[few]),
        start.dead_relus(model, x),
        start.update_ratio(model, x, y),
        learnt,
        trials.shuffled_labels(model, loss, x, y, rate, rng),
    ]


def _most(samples: int, size: int) -> int:
    """Return how many samples of that size are taken at most."""
    return max(20, min(samples, NUMBERS // max(size, 1)))
