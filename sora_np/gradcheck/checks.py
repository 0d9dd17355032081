"""Check a layer, a function, a loss or a whole model."""

import copy
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from sora_np.common.inputs import as_numbers
from sora_np.common.several import joined, parts_of
from sora_np.engine.graph import Graph, Node
from sora_np.kernels.machine.arrays import Array, Shape
from sora_np.layers import Layer, contract
from sora_np.layers.generators import generators_of
from sora_np.layers.preprocessing.warp import joined_warps
from sora_np.losses import Loss

from .differences import EPS
from .function import Function
from .judge import Settings, judge
from .objective import ScalarProduct, TrainingLoss
from .report import Report
from .still import held_still

SAMPLES, DIRECTIONS = 40, 3  # of every tensor, by default


def check_layer(
    layer: Layer,
    x: Any,
    *,
    samples: int | None = SAMPLES,
    directions: int = DIRECTIONS,
    seed: int = 0,
    eps: float = EPS,
) -> Report:
    """Check dx and every parameter's gradient of a layer in training.

    Parameters
    ----------
    layer : built in float64, or not built yet; then a built copy is checked
    x : (N, *input_shape); for a layer of several inputs a list of arrays, which the
        report calls x0, x1, ...
    samples : how many random entries of every tensor to check; None for all
    directions : along how many directions to check the whole tensor; without entries
        (``samples=0``) each costs two forward passes, for a tensor of any size
    seed : of dy, and of the choice of entries and directions
    eps : the step

    Raises
    ------
    TypeError : for a layer built in float32
    ValueError : if two forward passes differ, or one changes x; for settings that
        check nothing

    Examples
    --------
    >>> from sora_np.layers import Dense
    >>> report = check_layer(Dense(2), np.array([[1.0, 2.0, 3.0]]))
    >>> report.passed, [check.name for check in report]
    (True, ['x', 'kernel', 'bias'])
    """
    xs = [np.array(as_numbers(a), np.float64) for a in layer.inputs_of(x)]
    rng = np.random.default_rng(seed)
    output_shape: Shape = ()  # not known of a layer that was built before
    if layer.input_shape is None:
        layer = copy.deepcopy(layer)
        shapes: Any = tuple(a.shape[1:] for a in xs)
        shape = shapes if layer.takes_several else shapes[0]
        output_shape = contract.built(layer, shape, rng, np.float64)
    if layer.dtype != np.float64:
        raise TypeError(
            f"a gradient check needs float64, got {layer} built in {layer.dtype}: "
            "give a layer that is not built yet"
        )
    settings = Settings(samples, directions, rng, eps).checked()
    with held_still([layer]):
        graph = alone(layer, output_shape)
        names = [f"x{k}" for k in range(len(xs))] if layer.takes_several else ["x"]
        function = Function(graph, xs, _random_product(rng), names)
        return judge(function, settings, whole=False)


def check_function(
    f: Callable[..., ArrayLike],
    *arrays: ArrayLike,
    backward: Callable[..., Any] | None = None,
    samples: int | None = SAMPLES,
    directions: int = DIRECTIONS,
    seed: int = 0,
    eps: float = EPS,
) -> Report:
    """Check the backward pass of your own function, for each of its arrays.

    Parameters
    ----------
    f : (*arrays) -> y, in float64
    arrays : where to differentiate
    backward : (dy, *arrays) -> d<dy, y>/d(array), one for each array; None takes
        ``f.backward(dy)``, called after f
    samples, directions, seed, eps : as in :func:`check_layer`

    Raises
    ------
    TypeError : for a y that is not float64, or a function without a backward pass
    ValueError : if the numbers of gradients and arrays differ, or two calls differ

    Examples
    --------
    >>> def scaled(x, w):
    ...     return x * w
    >>> def wrong(dy, x, w):
    ...     return dy * w, np.mean(dy * x, axis=0)
    >>> x, w = np.arange(6.0).reshape(3, 2), np.array([1.0, 2.0])
    >>> print(check_function(scaled, x, w, backward=wrong))  # doctest: +ELLIPSIS
    tensor          entries  checked  kinks  max rel. error  at    ...
    x                     6        6      0 ...good
    w                     2        2      0         6.7e-01 ...wrong
    w: 3 times too small; 3 is the batch size: a mean instead of a sum?
    """
    if backward is None and not callable(getattr(f, "backward", None)):
        raise TypeError(
            f"{f!r} has no backward to check: give backward=, a function of (dy, "
            "*arrays) that returns the gradients"
        )
    rng = np.random.default_rng(seed)
    layer = _Own(
        f, backward, [np.array(as_numbers(a, "an array"), np.float64) for a in arrays]
    )
    function = Function(alone(layer, ()), [np.empty(0)], _random_product(rng))
    settings = Settings(samples, directions, rng, eps).checked()
    return judge(function, settings, whole=False)


def check_loss(
    loss: Loss,
    y_true: ArrayLike,
    y_pred: ArrayLike,
    sample_weight: ArrayLike | None = None,
    *,
    samples: int | None = SAMPLES,
    directions: int = DIRECTIONS,
    seed: int = 0,
    eps: float = EPS,
) -> Report:
    """Check the gradient of a loss by its predictions.

    Parameters
    ----------
    y_true, y_pred, sample_weight : as ``loss`` takes them
    samples, directions, seed, eps : as in :func:`check_layer`

    Examples
    --------
    >>> from sora_np.losses import MeanSquaredError
    >>> check_loss(MeanSquaredError(), [[0.0, 1.0]], [[0.5, 2.0]]).passed
    True
    """
    layer = _Own(
        lambda y_pred: np.asarray(loss(y_true, y_pred, sample_weight), np.float64),
        lambda dy, y_pred: loss.gradient(y_true, y_pred, sample_weight),
        [np.array(as_numbers(y_pred, "y_pred"), np.float64)],
    )
    function = Function(
        alone(layer, ()),
        [np.empty(0)],
        lambda losses: ScalarProduct(np.ones_like(losses)),
    )
    rng = np.random.default_rng(seed)
    settings = Settings(samples, directions, rng, eps).checked()
    return judge(function, settings, whole=False)


def check_model(
    model: Any,
    x: ArrayLike,
    y: ArrayLike | None = None,
    sample_weight: ArrayLike | None = None,
    *,
    samples: int | None = SAMPLES,
    directions: int = DIRECTIONS,
    seed: int = 0,
    eps: float = EPS,
) -> Report:
    """Check the gradients of a whole model with respect to x and every parameter.

    Parameters
    ----------
    model : a float64 model, e.g. ``Sequential(..., dtype="float64")``
    x : (N, *input_shape)
    y : targets.  With targets the check differentiates the compiled loss with its
        penalties, with respect to trainable parameters, and the gradients are those of
        a training step (the plan's, unless compiled with ``fuse=False``).  Without
        targets it differentiates <dy, y> with a random dy
    sample_weight : of the samples in the loss, as ``fit`` takes it
    samples, directions, seed, eps : as in :func:`check_layer`

    Raises
    ------
    TypeError : for a float32 model
    RuntimeError : for a y with a model that is not compiled with a loss
    ValueError : if two forward passes differ

    Examples
    --------
    >>> from sora_np import Dense, Sequential
    >>> layers = [Dense(3, "tanh"), Dense(2, "softmax")]
    >>> model = Sequential(layers, dtype="float64")
    >>> check_model(model, np.ones((2, 4))).passed
    True
    """
    if model.dtype != np.float64:
        raise TypeError(
            f"a gradient check needs a float64 model, got {model.dtype}: make the same "
            'model with dtype="float64", and call set_weights'
        )
    if not model.built:
        model = copy.deepcopy(model)
    xs = [np.array(one, np.float64) for one in parts_of(model._inputs(x))]
    names = model.input_names if len(xs) > 1 else ["x"]
    paths = {id(layer.params): path for path, layer in model.named_leaves()}
    rng = np.random.default_rng(seed)
    settings = Settings(samples, directions, rng, eps).checked()
    with held_still(model.leaves), model.runner.on_rung():
        if y is None:
            product = _random_product(rng)
            function = Function(model.graph, xs, product, names, paths)
            return judge(function, settings)
        _, targets, weights = model._steps.checked(joined(xs), y, sample_weight)
        head = model._steps.head(targets)
        head = head._replace(graph=joined_warps(head.graph))
        function = Function(
            head.graph,
            xs,
            lambda y: TrainingLoss(head, targets, weights),
            names,
            paths,
        )
        return judge(function, settings, plan=model.runner.fuse)


def alone(layer: Layer, output_shape: Shape) -> Graph:
    """Return the graph of one layer."""
    shape: Any = layer.input_shape or ()
    shapes = shape if layer.takes_several else (shape,)
    inputs = tuple(range(len(shapes)))
    return Graph([Node(layer, inputs, output_shape)], shapes, (len(shapes),))


class _Own(Layer):
    """A function as a layer whose parameters are its arguments."""

    def __init__(self, f: Any, backward: Any, arrays: Sequence[Array]) -> None:
        super().__init__(name=getattr(f, "__name__", type(f).__name__))
        self._f, self._backward = f, backward
        self._rngs = [*generators_of(f)]
        names = _positional(f)[: len(arrays)]
        if len(names) < len(arrays):
            names = [f"x{k}" for k in range(len(arrays))]
        self.params.update(zip(names, arrays, strict=True))

    def forward(self, x: Array, *, training: bool = False) -> Array:
        return np.asarray(self._f(*(a.copy() for a in self.params.values())))

    def backward(self, dy: Array) -> Array:
        arrays = [a.copy() for a in self.params.values()]
        found = self._backward(dy, *arrays) if self._backward else self._f.backward(dy)
        found = found if isinstance(found, (tuple, list)) else [found]
        if len(found) != len(arrays):
            raise ValueError(
                f"the backward pass of {self.name} must return {len(arrays)} "
                f"gradients, for {', '.join(self.params)}, got {len(found)}"
            )
        self.grads.clear()
        for name, gradient in zip(self.params, found, strict=True):
            if gradient is not None:
                self.grads[name] = np.asarray(gradient)
        return np.empty(0)


def _positional(f: Any) -> list[str]:
    """Return the names of a function's arguments, or none if it has no signature."""
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return []
    kinds = inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD
    return [parameter.name for parameter in parameters if parameter.kind in kinds]


def _random_product(rng: np.random.Generator) -> Callable[[Array], ScalarProduct]:
    return lambda y: ScalarProduct(np.asarray(rng.standard_normal(y.shape)))
