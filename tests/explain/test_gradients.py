"""Attributions by gradients: against differences, by hand, and what they add up to."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sora_np import (
    Activation,
    Add,
    Conv2D,
    Dense,
    Flatten,
    Input,
    LeakyReLU,
    Model,
    ReLU,
    Sequential,
    Sigmoid,
    explain,
)
from sora_np.activations import softmax
from sora_np.explain.study import Study
from sora_np.losses import BinaryCrossentropy

TARGETS = np.array([0, 2, 1, 2, 0])


def score(model, x, targets=TARGETS):
    study = Study(model)
    return study.scores(study.inputs(x), targets)


def differences(model, x, targets, places, eps=1e-6):
    """Return dS/dx by central differences, at some places of a sample."""
    found = []
    for place in places:
        step = np.zeros_like(x)
        step[(slice(None), *place)] = eps
        up, down = score(model, x + step, targets), score(model, x - step, targets)
        found.append((up - down) / (2 * eps))
    return np.stack(found, axis=1)


def linear(units=2, end="softmax"):
    """A dense layer of three numbers with weights that are easy to follow."""
    model = Sequential([Dense(units, end, input_shape=(3,))], dtype="float64")
    kernel = np.array([[1.0, 0.5], [-2.0, 1.0], [0.0, 4.0]])[:, :units]
    model.set_weights([kernel, [0.25, -1.0][:units]])
    return model


def test_the_scores_are_logits_of_what_is_predicted(model, x):
    study = Study(model)
    z, y = study.logits(study.inputs(x)), model.predict(x, verbose=0)
    ends_in_softmax = np.allclose(y.sum(axis=1), 1)
    assert_allclose(softmax(z) if ends_in_softmax else z, y, rtol=1e-12)
    assert not np.allclose(z.sum(axis=1), 1)


def test_saliency_is_the_derivative_of_the_logit(model, x):
    places = [(i, (3 * i + 2) % 8, c) for i in range(9) for c in range(2)]
    expected = differences(model, x, TARGETS, places)
    found = explain.saliency(model, x, TARGETS, absolute=False)
    assert np.abs(expected).max() > 1e-3
    for k, (i, j, c) in enumerate(places):
        assert_allclose(found[:, i, j, c], expected[:, k], atol=1e-8)
    assert_array_equal(explain.saliency(model, x, TARGETS), np.abs(found))


def test_without_a_target_it_is_the_class_predicted(model, x):
    taken = model.predict(x, verbose=0).argmax(axis=1)
    found = explain.saliency(model, x)
    assert_array_equal(found, explain.saliency(model, x, taken))
    assert np.abs(found - explain.saliency(model, x, (taken + 1) % 3)).max() > 1e-3
    one = explain.saliency(model, x, 1)
    assert_array_equal(one, explain.saliency(model, x, np.ones(5, int)))


def test_samples_do_not_depend_on_the_batch(model, x, rng):
    many = np.concatenate([x, rng.standard_normal((40, 9, 8, 2))])
    for explained in (explain.saliency, explain.guided_backpropagation):
        some = explained(model, x, TARGETS)
        all_of_them = explained(model, many, np.resize(TARGETS, 45))
        assert_allclose(all_of_them[:5], some, rtol=1e-12, atol=1e-15)


def test_linear_models_by_hand():
    x, w = np.array([[2.0, 3.0, 5.0]]), np.array([[0.5, 1.0, 4.0]])
    model = linear()
    assert_allclose(explain.saliency(model, x, 0), [[1, 2, 0]])
    assert_allclose(explain.saliency(model, x, 0, absolute=False), [[1, -2, 0]])
    assert_allclose(explain.guided_backpropagation(model, x, 1), w)
    assert_allclose(explain.smooth_grad(model, x, 1, samples=3), w)
    shares = explain.integrated_gradients(model, x, 1, baseline=[1, 0, 6], steps=1)
    assert_allclose(shares, [[0.5, 3, -4]])
    assert_allclose(explain.occlusion(model, x, 1, window=1), [[1, 3, 20]])
    covered = explain.occlusion(model, x, 1, window=2, baseline=1)
    assert_allclose(covered, [[2.5, (2.5 + 18) / 2, 18]])


def test_a_single_sigmoid_has_two_classes():
    x = np.array([[2.0, 3.0, 5.0]])
    model = linear(1, "sigmoid")
    assert_allclose(explain.saliency(model, x, 1, absolute=False), [[1, -2, 0]])
    assert_allclose(explain.saliency(model, x, 0, absolute=False), [[-1, 2, 0]])
    taken = explain.saliency(model, x, absolute=False)  # z = 2 - 6 + 0.25 < 0: class 0
    assert_allclose(taken, [[-1, 2, 0]])
    logits = linear(1, None)
    logits.compile("sgd", BinaryCrossentropy(from_logits=True))
    assert_allclose(explain.saliency(logits, x, 0, absolute=False), [[-1, 2, 0]])


def test_numbers_that_are_no_classes():
    x = np.array([[2.0, 3.0, 5.0]])
    model = linear(1, None)
    model.compile("sgd", "mse")
    assert_allclose(explain.saliency(model, x, 0, absolute=False), [[1, -2, 0]])
    with pytest.raises(ValueError, match="from 0 to 0, one of the 1 classes"):
        explain.saliency(model, x, 1)


@pytest.mark.parametrize(
    "end",
    [
        [Dense(2), Activation("softmax")],
        [Dense(2, name="z"), Sigmoid()],
        [Dense(2, "sigmoid")],
    ],
    ids=["activation", "sigmoid", "within"],
)
def test_every_last_activation_is_cut(end, rng):
    model = Sequential([Dense(4, "tanh", input_shape=(3,)), *end], dtype="float64")
    x = rng.standard_normal((2, 3))
    found = explain.saliency(model, x, 1, absolute=False)
    kernel = model.layers[1].params["kernel"]
    h = np.tanh(x @ model.layers[0].params["kernel"])
    expected = (kernel[:, 1] * (1 - h**2)) @ model.layers[0].params["kernel"].T
    assert_allclose(found, expected, rtol=1e-12)


def test_a_shared_last_layer_is_cut_where_it_is_last(rng):
    x = Input((3,))
    dense = Dense(3, "softmax")
    model = Model(x, dense(dense(x)), dtype="float64")
    x = rng.standard_normal((2, 3))
    expected = differences(model, x, np.array([1, 2]), [(0,), (1,), (2,)])
    found = explain.saliency(model, x, [1, 2], absolute=False)
    assert_allclose(found, expected, atol=1e-9)
    z = Study(model).logits([x])
    assert_allclose(softmax(z), model.predict(x, verbose=0))


# --- guided backpropagation ----------------------------------------------------------


@pytest.mark.parametrize(
    "bent",
    [
        [Dense(4, "relu", use_bias=False)],
        [Dense(4, use_bias=False), ReLU()],
        [Dense(4, use_bias=False), Activation("relu")],
        [Dense(4, use_bias=False), ReLU(max_value=2.0)],
    ],
    ids=["within", "layer", "activation", "ceiling"],
)
def test_guided_backpropagation_by_hand(bent, rng):
    layers = [*bent, Dense(2, "softmax", use_bias=False)]
    model = Sequential(layers, dtype="float64")
    model.build((None, 3))
    x = rng.standard_normal((6, 3))
    w, v = (layers[k].params["kernel"] for k in (0, -1))
    z = x @ w
    ceiling = getattr(layers[1], "max_value", None) or np.inf
    dy = np.broadcast_to(v[:, 1], z.shape)
    expected = (dy * (z > 0) * (z < ceiling) * (dy > 0)) @ w.T
    found = explain.guided_backpropagation(model, x, 1)
    assert_allclose(found, expected, atol=1e-12)
    plain = explain.saliency(model, x, 1, absolute=False)
    assert np.abs(plain - found).max() > 1e-3


def test_only_relu_is_guided(rng):
    layers = [Dense(4, "tanh"), LeakyReLU(0.2), Dense(2, "softmax")]
    model = Sequential(layers, dtype="float64")
    model.build((None, 3))
    x = rng.standard_normal((6, 3))
    assert_array_equal(
        explain.guided_backpropagation(model, x, 1),
        explain.saliency(model, x, 1, absolute=False),
    )


# --- means of gradients ------------------------------------------------------


def test_integrated_gradients_are_complete(model, x, rng):
    x = x[:2]
    start = x + rng.standard_normal(x.shape) / 6
    shares = explain.integrated_gradients(model, x, [0, 2], start, steps=800)
    difference = score(model, x, [0, 2]) - score(model, start, [0, 2])
    assert np.abs(difference).max() > 0.01
    assert_allclose(shares.sum(axis=(1, 2, 3)), difference, atol=1e-3)


def test_too_few_steps_bring_a_warning(rng):
    model = Sequential([Dense(1, "relu"), Dense(2)], dtype="float64")
    model.build((None, 1))
    model.set_weights([[[1.0]], [-0.9], [[1.0, 0.0]], [0.0, 0.0]])  # max(0, x - 0.9)
    with pytest.warns(UserWarning, match="of 1 of 1 samples miss .* add up to 0 inst"):
        explain.integrated_gradients(model, [[1.0]], 0, steps=4)
    exact = explain.integrated_gradients(model, [[1.0]], 0, steps=1000)
    assert_allclose(exact, [[0.1]])


def test_smooth_grad_is_the_mean_of_gradients_about_x(model, x):
    found = explain.smooth_grad(model, x, TARGETS, 3, 0.2, seed=5)
    rng, width = np.random.default_rng(5), np.ptp(x.reshape(5, -1), axis=1)
    gradients = []
    for _ in range(3):
        noise = 0.2 * width.reshape(5, 1, 1, 1) * rng.standard_normal(x.shape)
        gradients.append(explain.saliency(model, x + noise, TARGETS, absolute=False))
    assert_allclose(found, np.mean(gradients, axis=0), atol=1e-12)
    other = explain.smooth_grad(model, x, TARGETS, 3, 0.2, seed=6)
    assert np.abs(other - found).max() > 1e-6
    still = explain.smooth_grad(model, x, TARGETS, 3, 0)
    assert_allclose(still, explain.saliency(model, x, TARGETS, absolute=False))


# --- several inputs ------------------------------------------------------


def two_inputs():
    a, b = Input((3,), name="a"), Input((2,), name="b")
    z = Add()([Dense(2, use_bias=False)(a), Dense(2, use_bias=False)(b)])
    model = Model([a, b], Activation("softmax")(z), dtype="float64")
    model.set_weights([[[1, 2], [3, 4], [5, 6]], [[-1, -2], [-3, -4]]])
    return model


def test_several_inputs_have_an_attribution_each():
    model, ones = two_inputs(), [np.ones((1, 3)), np.ones((1, 2))]
    a, b = explain.saliency(model, ones, 1, absolute=False)
    assert_allclose(a, [[2, 4, 6]])
    assert_allclose(b, [[-2, -4]])
    named = {"b": ones[1], "a": ones[0]}
    found = explain.integrated_gradients(model, named, 1, baseline=[0, 2])
    assert_allclose(found["a"], [[2, 4, 6]])
    assert_allclose(found["b"], [[2, 4]])
    assert found.keys() == {"a", "b"}
    a, b = explain.smooth_grad(model, ones, 0, 2)
    assert_allclose(b, [[-1, -3]])


def test_bytes_and_other_dtypes_are_taken():
    layers = [Conv2D(2, 3, input_shape=(5, 5, 1)), Flatten(), Dense(2, "softmax")]
    model = Sequential(layers)
    x = np.arange(50, dtype=np.uint8).reshape(2, 5, 5, 1)
    found = explain.saliency(model, x, 1)
    assert found.dtype == np.float32
    assert_array_equal(found, explain.saliency(model, x.astype(float), 1))
    assert_array_equal(found, explain.saliency(model, x[..., 0], 1))
