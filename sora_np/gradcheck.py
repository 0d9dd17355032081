"""Gradient checks: every backward pass against central differences, in float64.

For a scalar f of an array a, entry by entry::

    df/da[i] = (f(a + eps e_i) - f(a - eps e_i)) / (2 eps) + O(eps^2)

The loss is <dy, y> with a random dy, so that no entry of the Jacobian can hide, as it
would behind a plain sum.  An entry whose step crosses a kink (ReLU at 0, a tie in
max-pooling) has no derivative: there the differences to the left and to the right
disagree for every step, or those to both sides change with the step.  It is counted and
left out.

Source: the Stanford course CS231n, "Gradient checks"; the best eps is near the cube
root of the rounding unit, 6e-6.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from sora_np import graph
from sora_np.kernels.arrays import Array
from sora_np.layers import Layer
from sora_np.losses import Loss

EPS = 1e-5
TOLERANCE = 1e-6  # of the relative error of a right backward pass


class Check(NamedTuple):
    """What was found for one array.

    Attributes
    ----------
    name : "x", or a parameter's name, after that of its layer
    error : the largest relative error |a - n| / max(|a|, |n|, 1e-3 max|a|) over the
        entries checked, a the analytic and n the numerical gradient
    entries, checked, kinks : how many there are, were checked, sat on a kink
    """

    name: str
    error: float
    entries: int
    checked: int
    kinks: int

    @property
    def passed(self) -> bool:
        """Whether the error is at most 1e-6."""
        return self.error <= TOLERANCE


def numerical_gradient(
    f: Callable[[], float], a: Array, eps: float = EPS, entries: Any = None
) -> tuple[Array, Array]:
    """Return d f()/d a by central differences, and where a kink is in the way.

    Parameters
    ----------
    f : computes a number from ``a``, which is changed in place and put back
    a : float64
    eps : the step
    entries : flat indices to check; None for all

    Returns
    -------
    gradient, kinks : (a.shape) where all are checked, else one for each entry; kinks
        are booleans

    Raises
    ------
    TypeError : for an ``a`` that is not float64: float32 rounds too much

    Examples
    --------
    >>> a = np.array([3.0])
    >>> gradient, kinks = numerical_gradient(lambda: float(a[0] ** 2), a)
    >>> gradient.round(6), kinks
    (array([6.]), array([False]))
    """
    if a.dtype != np.float64:
        raise TypeError(f"numerical_gradient needs float64, got {a.dtype}")
    places = np.arange(a.size) if entries is None else np.asarray(entries)
    middle = f()
    slopes = np.reshape(
        [_slopes(f, a, int(place), eps, middle) for place in places], (-1, 2)
    )
    gradient, bends = slopes.mean(axis=1), np.ptp(slopes, axis=1)
    kinks = np.zeros(len(places), bool)
    least = 1e-3 * np.abs(gradient).max(initial=0)
    for k in np.flatnonzero(bends > 1e-6 * np.maximum(np.abs(gradient), least)):
        # of a smooth function the two sides agree better for a smaller step, and their
        # mean stays
        finer = np.array(_slopes(f, a, int(places[k]), eps / 10, middle))
        change = abs(finer.mean() - gradient[k])
        kinks[k] = np.ptp(finer) > bends[k] / 2 or change > 3e-7 * max(
            abs(gradient[k]), least
        )
    if entries is None:
        return gradient.reshape(a.shape), kinks.reshape(a.shape)
    return gradient, kinks


def _slopes(
    f: Callable[[], float], a: Array, place: int, eps: float, middle: float
) -> tuple[float, float]:
    """Return the slopes of f to the left and right of a's entry at a flat index."""
    index = np.unravel_index(place, a.shape)
    kept = a[index]
    a[index] = kept + eps
    right = (f() - middle) / eps
    a[index] = kept - eps
    left = (middle - f()) / eps
    a[index] = kept
    return left, right


def check_function(
    f: Callable[[], float],
    arrays: Mapping[str, tuple[Array, Array]],
    *,
    samples: int | None = None,
    seed: int = 0,
    eps: float = EPS,
) -> list[Check]:
    """Compare gradients with numerical ones of a function of several arrays.

    Parameters
    ----------
    f : computes a number from the arrays as they stand
    arrays : name -> (array, its analytic gradient), float64 and of one shape
    samples : how many random entries of each array to check; None for all
    seed : of the choice
    eps : the step
    """
    checks = []
    rng = np.random.default_rng(seed)
    for name, (a, analytic) in arrays.items():
        if a.shape != analytic.shape:
            raise ValueError(
                f"the gradient of {name} has shape {analytic.shape}, {name} {a.shape}"
            )
        places = np.arange(a.size)
        if samples is not None and samples < a.size:
            places = np.sort(rng.choice(a.size, samples, replace=False))
        numerical, kinks = numerical_gradient(f, a, eps, places)
        # as a whole: the scale below which a difference is rounding
        scale = 1e-3 * max(
            np.abs(analytic).max(initial=0), np.abs(numerical).max(initial=0), 1e-9
        )
        given = analytic.reshape(-1)[places]
        largest = np.maximum(np.maximum(np.abs(given), np.abs(numerical)), scale)
        errors = np.where(kinks, 0, np.abs(given - numerical) / largest)
        # NaN is the largest error of all
        error = float("inf") if np.isnan(errors).any() else errors.max(initial=0.0)
        checks.append(Check(name, float(error), a.size, len(places), int(kinks.sum())))
    return checks


def check_layer(
    layer: Layer,
    x: ArrayLike,
    *,
    samples: int | None = None,
    seed: int = 0,
    eps: float = EPS,
) -> list[Check]:
    """Check dx and every parameter's gradient of a layer in training.

    Parameters
    ----------
    layer : built in float64, or not built yet
    x : (N, *input_shape)
    samples, seed, eps : as in :func:`check_function`; the seed also draws dy

    Raises
    ------
    TypeError : for a layer built in float32

    Examples
    --------
    >>> from sora_np.layers import Dense
    >>> for check in check_layer(Dense(2), np.array([[1.0, 2.0, 3.0]])):
    ...     print(check.name, check.entries, check.passed)
    x 3 True
    kernel 6 True
    bias 2 True
    """
    x = np.array(x, np.float64)
    rng = np.random.default_rng(seed)
    if layer.input_shape is None:
        layer.build(x.shape[1:], rng, np.float64)
    if layer.dtype != np.float64:
        raise TypeError(f"{layer} is built in {layer.dtype}: gradients need float64")
    with _held_still([layer]) as rewind:
        rewind()
        dy = rng.standard_normal(layer.forward(x, training=True).shape)
        dx = layer.backward(dy)

        def loss() -> float:
            rewind()
            return float(np.sum(dy * layer.forward(x, training=True)))

        arrays = {"x": (x, dx)} | {
            name: (a, layer.grads[name].copy()) for name, a in layer.params.items()
        }
        return check_function(loss, arrays, samples=samples, seed=seed, eps=eps)


def check_loss(
    loss: Loss, y_true: ArrayLike, y_pred: ArrayLike, *, eps: float = EPS
) -> list[Check]:
    """Check the gradient of a loss by its predictions.

    >>> from sora_np.losses import MeanSquaredError
    >>> check_loss(MeanSquaredError(), [[0.0, 1.0]], [[0.5, 2.0]])[0].passed
    True
    """
    y_pred = np.array(y_pred, np.float64)
    arrays = {"y_pred": (y_pred, loss.gradient(y_true, y_pred))}
    return check_function(lambda: float(loss(y_true, y_pred)), arrays, eps=eps)


def check_model(
    model: Any,
    x: ArrayLike,
    y: ArrayLike | None = None,
    *,
    samples: int | None = 20,
    seed: int = 0,
    eps: float = EPS,
) -> list[Check]:
    """Check the gradients of a whole model: of its loss, by x and every parameter.

    Parameters
    ----------
    model : a float64 model, e.g. ``Sequential(..., dtype="float64")``
    x : (N, *input_shape)
    y : targets; then the compiled loss is checked, else <dy, y> with a random dy
    samples, seed, eps : as in :func:`check_function`

    Raises
    ------
    TypeError : for a float32 model
    """
    if model.dtype != np.float64:
        raise TypeError(f"gradients need a float64 model, got {model.dtype}")
    x = np.array(model._inputs(np.asarray(x)), np.float64)
    rng = np.random.default_rng(seed)
    if y is None:
        nodes = model.nodes
        dy = rng.standard_normal((len(x), *model.output_shape))
    else:
        _, y, _ = model._checked(x, y)
        loss, nodes, _ = model._as_trained(y)
    with _held_still(model.layers) as rewind:

        def value() -> tuple[float, Array]:
            rewind()
            out = graph.forward(nodes, x, training=True)[-1]
            if y is None:
                return float(np.sum(dy * out)), dy
            number, slope = loss.value_and_gradient(y, out)
            return float(np.sum(number)), slope

        dx = graph.backward(nodes, value()[1])
        arrays = {"x": (x, dx)}
        for layer in model.layers:
            for name, a in layer.params.items():
                arrays[f"{layer.name}/{name}"] = a, layer.grads[name].copy()
        return check_function(
            lambda: value()[0], arrays, samples=samples, seed=seed, eps=eps
        )


class _held_still:
    """Puts state and random streams of layers back: on ``rewind()``, and at the end."""

    def __init__(self, layers: list[Layer]) -> None:
        self.layers = layers
        self.states = [
            {name: a.copy() for name, a in layer.state.items()} for layer in layers
        ]
        self.streams = [
            (rng, rng.bit_generator.state)
            for layer in layers
            if isinstance(rng := getattr(layer, "rng", None), np.random.Generator)
        ]

    def __enter__(self) -> Callable[[], None]:
        return self.rewind

    def rewind(self) -> None:
        for layer, state in zip(self.layers, self.states, strict=True):
            layer.forget()
            for name, a in state.items():
                layer.state[name] = a
        for rng, stream in self.streams:
            rng.bit_generator.state = stream

    def __exit__(self, *error: object) -> None:
        self.rewind()


def format_checks(checks: list[Check]) -> Iterator[str]:
    r"""Yield the lines of a table.

    >>> print(*format_checks([Check("dense/bias", 2e-9, 10, 10, 0)]), sep="\n")
    array           entries  checked  kinks  max rel. error
    dense/bias           10       10      0         2.0e-09  ok
    """
    width = max([len(check.name) for check in checks] + [14])
    yield f"{'array':<{width}}  entries  checked  kinks  max rel. error"
    for name, error, entries, checked, kinks in checks:
        verdict = "ok" if error <= TOLERANCE else "WRONG"
        numbers = f"{entries:7d}  {checked:7d}  {kinks:5d}  {error:14.1e}"
        yield f"{name:<{width}}  {numbers}  {verdict}"
