"""The test that an attribution must pass: it must change when the model changes.

A picture that looks right may show the edges of the image and nothing of the model.
So the test randomises the weights, or the labels that were learnt: an attribution that
does not change does not explain this model.

The test compares absolute values, which pictures show; for every gradient their ranks
depend partly on the image.  The limit of 0.7 separates methods as the paper does.  On
four small networks for Fashion-MNIST, fresh weights in the last layer, after which the
network recognises nothing, leave correlations of at most 0.15 for Grad-CAM, 0.53 to
0.68 for gradients, 0.72 to 0.91 for guided backpropagation, 0.93 for integrated
gradients with a black baseline and 1 for an edge detector.  Near the limit, read the
table and not only the verdict.

Source: Adebayo et al. (2018), "Sanity checks for saliency maps".
"""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sora_np.common.arguments import as_count, as_rate
from sora_np.common.inputs import as_numbers
from sora_np.kernels.machine.arrays import Array
from sora_np.layers import Layer

from .grad_cam import grad_cam
from .study import Study
from .verdict import Step, Verdict

LIMIT = 0.7  # attributions differ if their rank correlation is at most this
BY_HEART = 0.5  # random labels must be learnt at least half the way from chance to all

Method = Callable[[Any, Any, Any], Array]


def parameter_randomization(
    model: Any,
    x: Any,
    target: Any = None,
    method: Method = grad_cam,
    *,
    cascading: bool = True,
    draws: int = 3,
    limit: float = LIMIT,
    seed: int = 0,
) -> Verdict:
    """Compare attributions before and after layers get random weights.

    The layers get fresh weights from their initialisers, from the last layer to the
    first: one after the other (cascading), or only one at a time.  After each layer,
    Spearman's rank correlation compares the attributions with those of the model,
    sample by sample: 1 means the same picture.  The largest correlation decides,
    because any layer with random weights ruins a model.

    Source: Adebayo et al. (2018), "Sanity checks for saliency maps", 3.

    Parameters
    ----------
    model : built, with one input
    x : (N, ...), some 16 samples are enough
    target : class numbers (N,), or one; None for the classes that the model predicts
    method : (model, x, target) -> attributions (N, ...), such as :func:`saliency`, or
        ``lambda model, x, target: grad_cam(model, x, target, "conv2d")``
    cascading : False for only one layer at a time
    draws : how often weights are drawn; the correlations are means of all draws
    limit : the largest correlation that passes
    seed : of the random weights

    Returns
    -------
    Verdict : ``verdict`` is "passes", "fails" or "undecided", ``steps`` has the rank
        correlation for every layer

    Raises
    ------
    RuntimeError, TypeError, ValueError : as :func:`saliency`; for a method that does
        not return one attribution for each sample; for a model without weights

    Examples
    --------
    >>> from sora_np import Conv2D, Dense, Flatten, Sequential
    >>> layers = [Conv2D(4, 3, activation="relu", input_shape=(8, 8, 1)), Flatten()]
    >>> model = Sequential([*layers, Dense(3, "softmax")])
    >>> x = np.random.default_rng(0).random((6, 8, 8, 1))
    >>> result = parameter_randomization(model, x, method=edge_detector)
    >>> result.verdict, [(step.name, step.correlation) for step in result.steps]
    ('fails', [('dense', 1.0), ('conv2d', 1.0)])
    """
    study = Study(model)
    draws, limit = as_count(draws, "draws"), as_rate(limit, "limit", 1)
    xs = study.inputs(x)
    targets = study.targets(target, xs)
    layers = learning(model)
    if not layers:
        raise ValueError("the model has no weights to randomise")
    before = attributions(method, model, x, targets)
    found: list[list[Step]] = [[] for _ in layers]
    for draw in range(draws):
        other = copy.deepcopy(model)
        for place, (name, layer) in enumerate(learning(other)):
            kept = [array.copy() for array in layer.get_weights()]
            draw_anew(layer, np.random.default_rng([seed, draw, place]))
            after = attributions(method, other, x, targets)
            found[place].append(compared(name, before, after))
            if not cascading:
                layer.set_weights(kept)
    kind = "cascading" if cascading else "single"
    steps = [_mean(steps) for steps in found]
    few = _too_few(before)
    return Verdict(f"{kind} parameters", name_of(method), steps, limit, few)


def label_randomization(
    model: Any,
    x_train: Any,
    y_train: Any,
    x: Any,
    target: Any = None,
    method: Method = grad_cam,
    *,
    epochs: int = 20,
    seed: int = 0,
) -> Verdict:
    """Compare attributions with those of a copy that learnt shuffled labels.

    The copy has fresh weights.  With the model's loss and optimiser, it memorises the
    same samples with shuffled labels.  It knows nothing about the classes, so an
    attribution that is the same for both does not show what the model has learnt.

    Source: Adebayo et al. (2018), "Sanity checks for saliency maps", 4.

    Parameters
    ----------
    model : a compiled classifier that has learnt the labels
    x_train, y_train : as ``fit`` takes them; labels (N,) or one-hot rows
    x, target, method : as in :func:`parameter_randomization`
    epochs : of the copy's training
    seed : of the shuffling and of the fresh weights

    Returns
    -------
    Verdict : "undecided" if the copy learnt less than half the way from chance to all
        of its labels; use more ``epochs`` then

    Raises
    ------
    RuntimeError : for a model that is not built or not compiled
    TypeError, ValueError : as :func:`parameter_randomization`; for other labels

    Examples
    --------
    >>> from sora_np import Conv2D, Dense, Flatten, Sequential
    >>> layers = [Conv2D(4, 3, activation="relu", input_shape=(8, 8, 1)), Flatten()]
    >>> model = Sequential([*layers, Dense(2, "softmax")])
    >>> model.compile("adam", "sparse_categorical_crossentropy")
    >>> x, y = np.random.default_rng(0).random((20, 8, 8, 1)), np.arange(20) % 2
    >>> result = label_randomization(model, x, y, x[:4], method=edge_detector)
    >>> result.correlation
    1.0
    """
    study = Study(model)
    if model.optimizer is None:
        raise RuntimeError("the model is not compiled: compile it as it was trained")
    targets = study.targets(target, study.inputs(x))
    labels = as_numbers(y_train, "y_train")
    if len(labels) != len(x_train):
        raise ValueError(
            f"x_train has {len(x_train)} samples, y_train {len(labels)} labels"
        )
    before = attributions(method, model, x, targets)
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(labels)
    other = copy.deepcopy(model)
    for _, layer in learning(other):
        draw_anew(layer, rng)
    other.optimizer.build(other.flat.values)  # it forgets what it has learnt
    other.fit(x_train, shuffled, epochs=epochs, verbose=0)
    known = _share_known(other, x_train, shuffled)
    chance = float(np.unique(_numbers(shuffled), return_counts=True)[1].max())
    chance /= len(labels)
    step = compared("shuffled labels", before, attributions(method, other, x, targets))
    undecided = _too_few(before)
    if not known >= chance + BY_HEART * (1 - chance):
        undecided = (
            f"The copy has memorised {known:.0%} of its shuffled labels in "
            f"{epochs} epochs, guessing gives {chance:.0%}: use more epochs."
        )
    return Verdict("labels", name_of(method), [step], LIMIT, undecided)


def edge_detector(model: Any, x: Any, target: Any = None) -> Array:
    """Return the edges of images, for any model: an explanation must not do this.

    ``a[i, j, c] = sqrt(gx^2 + gy^2)`` with the Sobel operator.  It looks like many
    saliency maps, and fails both randomisation tests: it is their control.

    Source: Sobel's operator in Duda & Hart (1973), "Pattern classification and scene
    analysis"; as a control in Adebayo et al. (2018), 1.

    Parameters
    ----------
    model, target : without effect
    x : images (N, H, W, C)

    Returns
    -------
    an array of x's shape

    Raises
    ------
    TypeError, ValueError : for what are no images

    Examples
    --------
    >>> x = np.zeros((1, 3, 4, 1))
    >>> x[:, :, 2:] = 1
    >>> edge_detector(None, x)[0, 1, :, 0]  # between the columns 1 and 2
    array([0., 4., 4., 0.])
    """
    from scipy.ndimage import correlate1d  # here: they take long to import

    images = as_numbers(x, "x", np.float64)
    if images.ndim != 4:
        raise ValueError(f"x must be images (N, H, W, C), got shape {images.shape}")
    slopes = [
        correlate1d(
            correlate1d(images, [1, 2, 1], axis=3 - axis), [-1, 0, 1], axis=axis
        )
        for axis in (1, 2)
    ]
    return np.asarray(np.hypot(*slopes))


# --- models with other weights ------------------------------------------------------


def learning(model: Any) -> list[tuple[str, Layer]]:
    """Return the layers that have learnt, with names, from the last to the first."""
    order: dict[int, tuple[str, Layer]] = {}
    names = {id(layer): name for name, layer in model.named_leaves()}
    for node in reversed(model.nodes):
        if node.layer.params:
            order.setdefault(id(node.layer), (names[id(node.layer)], node.layer))
    return [*order.values()]


def draw_anew(layer: Layer, rng: np.random.Generator) -> None:
    """Give a layer fresh weights from its initialisers, in their places."""
    twin = copy.deepcopy(layer)
    shape: Any = layer.input_shape
    twin.build(shape, rng, layer.dtype)
    layer.set_weights(twin.get_weights())


def _share_known(model: Any, x: Any, labels: Array) -> float:
    """Return the share of samples that a model takes for their labels."""
    outputs = model.predict(x, verbose=0)
    if outputs.shape[1] == 1:
        taken = (outputs[:, 0] > 0.5).astype(np.intp)
    else:
        taken = outputs.argmax(axis=1)
    return float(np.mean(taken == _numbers(labels)))


def _numbers(labels: Array) -> Array:
    """Return class numbers (N,) of labels or one-hot rows."""
    if labels.ndim == 2 and labels.shape[1] > 1:
        return np.asarray(labels.argmax(axis=1))
    return labels.reshape(len(labels))


# --- how alike attributions are -----------------------------------------------------


def attributions(
    method: Method, model: Any, x: Any, targets: NDArray[np.intp]
) -> NDArray[np.float64]:
    """Return the attributions of a method (N, D), the numbers of a sample in a row."""
    found = as_numbers(method(model, x, targets), "what the method returns", np.float64)
    if found.ndim < 2 or len(found) != len(targets):
        raise ValueError(
            f"a method (model, x, target) must return (N, ...) for {len(targets)} "
            f"samples, {name_of(method)} returned shape {found.shape}"
        )
    return found.reshape(len(found), -1)


def compared(
    name: str, before: NDArray[np.float64], after: NDArray[np.float64]
) -> Step:
    """Return how similar attributions are, as the mean of the samples.

    Samples with a constant attribution before are left out; an attribution that becomes
    constant counts as 0.
    """
    varies = np.ptp(before, axis=1) > 0
    if not varies.any():
        return Step(name, float("nan"), float("nan"), 0)
    before, after = before[varies], after[varies]
    return Step(
        name,
        float(np.mean(rank_correlations(np.abs(before), np.abs(after)))),
        float(np.mean(rank_correlations(before, after))),
        len(before),
    )


def _too_few(before: NDArray[np.float64]) -> str:
    """Return a sentence if less than half of the samples have a varying attribution."""
    varies, count = int((np.ptp(before, axis=1) > 0).sum()), len(before)
    if 2 * varies >= count:
        return ""
    return (
        f"only {varies} of {count} samples have an attribution that varies from place "
        "to place, which is too few: use other samples, or another layer in Grad-CAM."
    )


def rank_correlations(a: Array, b: Array) -> NDArray[np.float64]:
    """Return Spearman's correlation of each row of a with that of b; 0 for a constant.

    >>> a = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    >>> b = np.array([[1.0, 8.0, 9.0], [3.0, 2.0, 1.0], [5.0, 5.0, 5.0]])
    >>> rank_correlations(a, b)
    array([ 1., -1.,  0.])
    """
    from scipy.stats import rankdata  # here: it takes as long as all of sora_np

    ranks = [rankdata(one, axis=1) for one in (a, b)]
    centred = [r - r.mean(axis=1, keepdims=True) for r in ranks]
    squares = [np.square(c).sum(axis=1) for c in centred]
    product = np.sqrt(squares[0] * squares[1])
    sums = (centred[0] * centred[1]).sum(axis=1)
    return np.asarray(
        np.where(product > 0, sums / np.where(product > 0, product, 1), 0)
    )


def _mean(steps: list[Step]) -> Step:
    """Return the mean of the same step in several draws."""
    return steps[0]._replace(
        correlation=float(np.mean([step.correlation for step in steps])),
        signed=float(np.mean([step.signed for step in steps])),
    )


def name_of(method: Any) -> str:
    """Return what a method is called in tables."""
    return str(getattr(method, "__name__", type(method).__name__))
