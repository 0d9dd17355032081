"""Each mistake is one error that says what was expected, what came, and the cure."""

import numpy as np
import pytest

from sora_np import (
    Conv2D,
    Dense,
    Flatten,
    Input,
    Model,
    Sequential,
    explain,
)
from sora_np.layers import Add

METHODS = [
    explain.saliency,
    explain.smooth_grad,
    explain.integrated_gradients,
    explain.guided_backpropagation,
    explain.occlusion,
    explain.grad_cam,
]
X = np.random.default_rng(0).random((4, 6, 6, 1))


def small():
    layers = [Conv2D(2, 3, input_shape=(6, 6, 1), name="conv"), Flatten()]
    return Sequential([*layers, Dense(3, "softmax")])


def with_nan():
    x = X.copy()
    x[2, 1, 0, 0] = np.nan
    return x


WRONG = {
    "number of targets": (X, [0, 1], r"for each of 4 samples, shape \(4,\), got .*2,"),
    "one-hot rows": (X, np.eye(4, 3), r"target.argmax\(axis=1\) makes class numbers"),
    "class 3": (
        X,
        [0, 1, 2, 3],
        r"from 0 to 2, one of the 3 classes; target\[3\] is 3",
    ),
    "class -1": (X, -1, r"from 0 to 2, one of the 3 classes; target\[0\] is -1"),
    "half a class": (X, [0, 1, 0.5, 1], r"whole numbers .* target\[2\] is 0.5"),
    "other shape": (
        X[:, :5],
        0,
        r"takes x of shape \(N, 6, 6, 1\), got \(4, 5, 6, 1\)",
    ),
    "one sample": (X[0], 0, "forget the batch axis"),
    "no samples": (X[:0], 0, "x is empty"),
    "NaN": (
        with_nan(),
        0,
        r"x must hold finite numbers, got nan at \[2, 1, 0, 0\]: clean the samples",
    ),
}


@pytest.mark.parametrize("method", METHODS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("what", WRONG)
def test_wrong_samples_and_classes(method, what):
    x, target, text = WRONG[what]
    with pytest.raises(ValueError, match=text):
        method(small(), x, target)


@pytest.mark.parametrize("method", METHODS, ids=lambda f: f.__name__)
def test_models_that_cannot_be_explained(method):
    new = Sequential([Flatten(), Dense(3, "softmax")])
    with pytest.raises(RuntimeError, match=r"not built.*call build\(\(None, ...\)\)"):
        method(new, X, 0)
    assert not new.built
    with pytest.raises(TypeError, match="expected a model, got Dense"):
        method(Dense(3), X, 0)
    image = Input((6, 6, 1))
    several = Model(image, [Dense(2)(Flatten()(image)), Dense(3)(Flatten()(image))])
    with pytest.raises(ValueError, match="expected a model with one output, got 2"):
        method(several, X, 0)
    maps = Sequential([Conv2D(2, 3, input_shape=(6, 6, 1))])
    with pytest.raises(ValueError, match=r"\(N, K\).*got \(N, 4, 4, 2\)"):
        method(maps, X, 0)


@pytest.mark.parametrize(
    "layer, text",
    [
        ("con", "no layer 'con'. There are: conv, flatten, dense"),
        (Conv2D(2, 3), "no layer .*Conv2D 'conv2d'.* There are: conv, flatten, dense"),
        ("flatten", r"'flatten' has the shape \(N, 32\). Layers that have them: conv"),
        ("dense", r"'dense' has the shape \(N, 3\). Layers that have them: conv"),
    ],
    ids=str,
)
def test_layers_without_rows_and_columns(layer, text):
    with pytest.raises(ValueError, match=text):
        explain.grad_cam(small(), X, 0, layer)


def test_a_model_without_rows_and_columns():
    model = Sequential([Dense(3, "softmax", input_shape=(4,))])
    with pytest.raises(ValueError, match="needs a layer with rows and columns"):
        explain.grad_cam(model, np.ones((2, 4)), 0)


@pytest.mark.parametrize(
    "window, stride, text",
    [
        (7, 1, r"the window \(7, 7\) is larger than x, which has \(6, 6\) places"),
        ((3, 7), 1, r"the window \(3, 7\) is larger"),
        (2, 3, r"stride \(3, 3\) is larger than the window \(2, 2\)"),
        ((2, 2, 1), 1, "window must be one number, or one for each of the 2 axes"),
        (0, 1, "window must be a positive whole number, got 0"),
    ],
    ids=str,
)
def test_windows_that_do_not_fit(window, stride, text):
    with pytest.raises(ValueError, match=text):
        explain.occlusion(small(), X, 0, window, stride)
    with pytest.raises(TypeError, match="window must be a positive whole number"):
        explain.occlusion(small(), X, 0, 2.5)


def test_baselines_that_do_not_fit():
    for baseline in (np.ones(6), np.ones((3, 6, 6, 1))):
        with pytest.raises(ValueError, match=r"a sample of shape \(6, 6, 1\)"):
            explain.integrated_gradients(small(), X, 0, baseline)
    with pytest.raises(ValueError, match="baseline must hold finite numbers, got nan"):
        explain.integrated_gradients(small(), X, 0, np.nan)
    with pytest.raises(ValueError, match="baseline must be one number"):
        explain.occlusion(small(), X, 0, baseline=np.zeros(6))
    for name, wrong in (("steps", 0), ("samples", 0), ("noise_level", -1)):
        method = (
            explain.integrated_gradients if name == "steps" else explain.smooth_grad
        )
        with pytest.raises(ValueError, match=f"{name} must be"):
            method(small(), X, 0, **{name: wrong})


def test_what_takes_one_input():
    a, b = Input((3,)), Input((3,))
    model = Model([a, b], Dense(2)(Add()([a, b])))
    x = [np.ones((2, 3)), np.ones((2, 3))]
    with pytest.raises(ValueError, match="model with one input, got 2"):
        explain.occlusion(model, x, 0)
    with pytest.raises(ValueError, match="changes one input, the model has 2"):
        explain.activation_maximization(model, 0)
    with pytest.raises(ValueError, match="one entry for each of 2 inputs, got 3"):
        explain.integrated_gradients(model, x, 0, [0, 0, 0])
    with pytest.raises(ValueError, match=r"x\[1\] must hold finite numbers, got inf"):
        explain.saliency(model, [x[0], np.full((2, 3), np.inf)])


def test_other_numbers_that_do_not_fit():
    model = small()
    with pytest.raises(ValueError, match=r"start must have the shape \(2, 6, 6, 1\)"):
        explain.activation_maximization(model, [0, 1], start=X)
    with pytest.raises(ValueError, match="count must be 4 at most"):
        explain.nearest_samples(model, X, X, count=5)
    with pytest.raises(ValueError, match="unknown metric 'l1'"):
        explain.nearest_samples(model, X, X, metric="l1")
    with pytest.raises(ValueError, match="components must be 3 at most, for 3 vectors"):
        explain.pca(np.eye(3, 9), 4)
    with pytest.raises(ValueError, match=r"must have the shape \(N, D\), got \(3,\)"):
        explain.pca([1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="between 0 and 4, the number of vectors"):
        explain.tsne(np.eye(4), perplexity=4)
    with pytest.raises(ValueError, match=r"images \(N, H, W, C\), got shape \(3, 3\)"):
        explain.edge_detector(model, np.eye(3))


def test_what_cannot_be_made_random():
    flat = Sequential([Flatten(input_shape=(6, 6, 1))])
    with pytest.raises(ValueError, match="no weights to randomise"):
        explain.parameter_randomization(flat, X, method=explain.saliency)

    def halves(model, x, target):
        return explain.saliency(model, x, target)[:2]

    with pytest.raises(ValueError, match=r"for 4 samples, halves returned .*\(2, 6,"):
        explain.parameter_randomization(small(), X, method=halves)
    with pytest.raises(RuntimeError, match="not compiled"):
        explain.label_randomization(small(), X, [0, 1, 2, 0], X)
    model = small()
    model.compile("adam", "sparse_categorical_crossentropy")
    with pytest.raises(ValueError, match="x_train has 4 samples, y_train 3 labels"):
        explain.label_randomization(model, X, [0, 1, 2], X)
