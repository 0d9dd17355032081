"""The tests that pictures must pass: who passes, who fails, and what is compared."""

import copy

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.ndimage import sobel
from scipy.stats import spearmanr

from sora_np import BatchNormalization, Conv2D, Dense, Flatten, Sequential, explain
from sora_np.explain.randomization import (
    compared,
    draw_anew,
    learning,
    rank_correlations,
)
from sora_np.explain.verdict import Step

IMAGES = 12


def test_cascading_parameters_separate_grad_cam_from_edges(trained):
    model, *_, x, y = trained
    assert model.evaluate(x, y, verbose=0)[1] > 0.7
    x = x[:IMAGES]
    cam = explain.parameter_randomization(model, x)
    assert cam.verdict == "passes" and cam.passed
    assert [step.name for step in cam.steps] == [
        "dense_1",
        "dense",
        "conv2d_1",
        "conv2d",
    ]
    assert all(step.correlation < 0.5 for step in cam.steps)
    edges = explain.parameter_randomization(model, x, method=explain.edge_detector)
    assert edges.verdict == "fails" and not edges.passed
    assert [step.correlation for step in edges.steps] == [1, 1, 1, 1]
    assert "more than of the model" in edges.reason


def test_guided_backpropagation_fails_and_gradients_lie_between(trained):
    """As Adebayo et al. found; the order of methods is theirs."""
    model, *_, x, _ = trained
    of = {
        method.__name__: explain.parameter_randomization(
            model, x[:IMAGES], method=method
        )
        for method in (explain.grad_cam, explain.saliency)
        + (explain.guided_backpropagation,)
    }
    correlations = {name: result.correlation for name, result in of.items()}
    cam, gradient, guided = correlations.values()
    assert guided > gradient + 0.1 > cam + 0.3, correlations
    assert of["saliency"].passed and of["grad_cam"].passed
    last = [result.steps[-1].correlation for result in of.values()]
    assert last == sorted(last)


def test_single_parameters(trained):
    model, *_, x, _ = trained
    x = x[:IMAGES]
    result = explain.parameter_randomization(model, x, cascading=False)
    assert result.test == "single parameters" and result.passed
    correlations = [step.correlation for step in result.steps]
    assert result.correlation == max(correlations) != correlations[-1]
    cascading = explain.parameter_randomization(model, x)
    assert result.steps[0] == cascading.steps[0]
    assert result.steps[-1] != cascading.steps[-1]
    again = explain.parameter_randomization(model, x, seed=1)
    assert again.steps != cascading.steps


def test_labels_separate_grad_cam_from_edges(trained):
    model, x, y, x_test, _ = trained
    x, y, x_test = x[:64], y[:64], x_test[:IMAGES]
    given = copy.deepcopy((x, y, model.get_weights()))
    cam = explain.label_randomization(model, x, y, x_test, epochs=60)
    assert cam.verdict == "passes", cam
    edges = explain.label_randomization(
        model, x, y, x_test, method=explain.edge_detector, epochs=60
    )
    assert edges.verdict == "fails" and edges.correlation == 1
    for before, after in zip(given, (x, y, model.get_weights()), strict=True):
        for a, b in zip(before, after, strict=True):
            assert_array_equal(a, b)
    early = explain.label_randomization(model, x, y, x_test, epochs=1)
    assert early.verdict == "undecided" and not early.passed
    assert "use more epochs" in early.reason


def test_what_the_copy_learns_are_other_labels(trained):
    model, x, y, x_test, _ = trained
    seen = []

    def noting(model, x, target):
        seen.append(copy.deepcopy(model))
        return explain.saliency(model, x, target)

    x, y = x[:64], y[:64]
    explain.label_randomization(model, x, y, x_test[:2], method=noting, epochs=60)
    first, other = seen
    known = [np.mean(m.predict(x, verbose=0).argmax(axis=1) == y) for m in seen]
    assert known[0] > 0.6 and known[1] < 0.4
    assert_array_equal(first.get_weights()[0], model.get_weights()[0])
    steps = 60 * 2  # the copy's optimiser began anew
    assert other.optimizer.batches == steps


def test_labels_may_be_one_hot_rows(trained):
    model, x, y, x_test, _ = trained
    twin = copy.deepcopy(model)
    twin.compile("adam", "categorical_crossentropy")
    rows = np.eye(10)[y[:40]]
    one = explain.label_randomization(twin, x[:40], rows, x_test[:4], epochs=1)
    assert one.steps[0].samples <= 4


def test_edges_are_those_of_each_image_and_channel(rng):
    x = rng.standard_normal((3, 7, 6, 2))
    found = explain.edge_detector(None, x)
    for n, c in np.ndindex(3, 2):
        image = x[n, :, :, c]
        edges = np.hypot(sobel(image, axis=0), sobel(image, axis=1))
        assert_allclose(found[n, :, :, c], edges, rtol=1e-12)


# --- what is compared ------------------------------------------------------


def test_rank_correlation_is_spearmans(rng):
    a = rng.integers(0, 9, (6, 40)).astype(float)  # with ties
    b = a * (rng.random((6, 40)) < 0.5) + rng.standard_normal((6, 40))
    found = rank_correlations(a, b)
    expected = [spearmanr(*pair).statistic for pair in zip(a, b, strict=True)]
    assert_allclose(found, expected, rtol=1e-12)


def test_constant_attributions():
    ramp = np.arange(4.0)
    before = np.array([ramp, ramp, np.ones(4)])  # the third says nothing: left out
    after = np.array([-ramp, np.zeros(4), ramp])  # the second has nothing left: 0
    assert compared("dense", before, after) == Step("dense", 0.5, -0.5, 2)
    nothing = compared("dense", np.ones((2, 4)), before[:2])
    assert nothing.samples == 0 and np.isnan(nothing.correlation)


def test_attributions_that_vary_in_too_few_samples_decide_nothing(trained):
    model, *_, x, _ = trained

    def first(model, x, target):
        return (
            explain.saliency(model, x, target) * (np.arange(5) < 2)[:, None, None, None]
        )

    result = explain.parameter_randomization(model, x[:5], method=first, draws=1)
    assert result.verdict == "undecided" and not result.passed
    assert "2 of 5 samples have an attribution that varies" in result.reason
    assert result.steps[0].samples == 2


def test_weights_are_drawn_from_the_layers_own_initialisers(rng):
    layers = [
        Conv2D(4, 3, kernel_initializer="zeros", bias_initializer="ones"),
        BatchNormalization(),
        Flatten(),
        Dense(300, kernel_initializer="he_normal", input_shape=(5,)),
    ]
    model = Sequential(layers)
    model.build((None, 6, 6, 1))
    model.set_weights([rng.random(a.shape) + 2 for a in model.get_weights()])
    found = learning(model)
    names = ["dense", "batch_normalization", "conv2d"]
    assert [name for name, _ in found] == names
    for _, layer in found:
        places = [*layer.params.values()]
        draw_anew(layer, rng)
        assert [*map(id, places)] == [*map(id, layer.params.values())]
    kernel, bias = layers[0].get_weights()
    assert not kernel.any() and (bias == 1).all()
    for array, expected in zip(layers[1].get_weights(), (1, 0, 0, 1), strict=True):
        assert (array == expected).all()
    kernel = layers[3].params["kernel"]
    assert kernel.std() == pytest.approx(np.sqrt(2 / kernel.shape[0]), rel=0.05)


def test_verdicts_are_tables(trained):
    model, *_, x, _ = trained
    result = explain.parameter_randomization(model, x[:4], draws=1)
    lines = str(result).splitlines()
    assert lines[0] == f"cascading parameters, grad_cam: {result.verdict}"
    assert lines[1].startswith("weights drawn anew  rank correlation  with signs")
    assert lines[2].split()[0] == "dense_1"
    html = result._repr_html_()
    assert html.count("<tr>") == 5 and "rank correlation" in html
    found = result.to_dict()
    assert found["verdict"] == result.verdict
    assert found["steps"][0]["name"] == "dense_1"
