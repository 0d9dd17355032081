"""What layers say: Grad-CAM, maps, filters, vectors, and inputs that excite them."""

import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import special_ortho_group
from sklearn.decomposition import PCA

from sora_np import (
    Add,
    Conv2D,
    Dense,
    Flatten,
    GlobalAveragePooling2D,
    Input,
    Model,
    Sequential,
    explain,
)
from sora_np.explain.study import Study

TARGETS = np.array([0, 2, 1, 2, 0])


def by_hand(model, x, targets, layer, eps=1e-6):
    """Return Grad-CAM by differences: a channel is moved as a whole, the rest runs."""
    study = Study(model)
    k, nodes = study.place(layer), study.graph.nodes

    def rest(values, value):
        values = [*values[: k + 1], value]
        for one, inputs, _ in nodes[k + 1 :]:
            values.append(one.forward(*(values[i] for i in inputs)))
        return values[study.graph.outputs[0]][np.arange(len(x)), targets]

    values = [x]
    for one, inputs, _ in nodes:
        values.append(one.forward(*(values[i] for i in inputs)))
    maps = values[k + 1]
    weights = np.zeros((len(x), maps.shape[3]))
    for channel in range(maps.shape[3]):
        step = np.zeros_like(maps)
        step[..., channel] = eps
        moved = rest(values, maps + step) - rest(values, maps - step)
        weights[:, channel] = moved / (2 * eps) / (maps.shape[1] * maps.shape[2])
    return np.maximum(np.einsum("nijc,nc->nij", maps, weights), 0)


def test_grad_cam_by_differences(model, x):
    for layer in {"last", "first"} & {node.layer.name for node in model.nodes}:
        expected = by_hand(model, x, TARGETS, layer)
        assert expected.max() > 1e-3
        found = explain.grad_cam(model, x, TARGETS, layer)
        assert_allclose(found, expected, atol=1e-8, err_msg=layer)


def shared_twice():
    """A convolution that is used twice, with a way around it."""
    x, shared = Input((5, 4, 2)), Conv2D(2, 3, 1, "same", activation="tanh", name="c")
    h = Add(name="sum")([x, shared(shared(x))])
    h = GlobalAveragePooling2D()(Conv2D(3, 1, activation="relu", name="d")(h))
    return Model(x, Dense(3, "softmax")(h), dtype="float64")


@pytest.mark.parametrize("layer", ["c", "c:2", "sum", "d"])
def test_grad_cam_in_a_graph(layer, rng):
    model, x = shared_twice(), rng.standard_normal((5, 5, 4, 2))
    expected = by_hand(model, x, TARGETS, layer)
    assert expected.max() > 1e-3
    assert_allclose(explain.grad_cam(model, x, TARGETS, layer), expected, atol=1e-9)
    first = explain.grad_cam(model, x, TARGETS, "c")
    assert np.abs(first - explain.grad_cam(model, x, TARGETS, "c:2")).max() > 1e-4
    same = explain.grad_cam(model, x, TARGETS, model.get_layer("c"))
    assert_array_equal(same, first)


def test_grad_cam_takes_the_last_layer_with_rows_by_default(model, x):
    found = explain.grad_cam(model, x, TARGETS)
    assert_array_equal(found, explain.grad_cam(model, x, TARGETS, "last"))


def test_grad_cam_of_a_layer_within_a_model(rng):
    x = Input((5, 4, 2))
    inner = Model(x, Conv2D(3, 2, activation="relu", name="deep")(x), name="inner")
    model = Model(x, Dense(2, "softmax")(GlobalAveragePooling2D()(inner(x))))
    x = rng.standard_normal((3, 5, 4, 2))
    model.layers[-1].set_weights([np.ones((3, 2)), np.zeros(2)])
    found = explain.grad_cam(model, x, 1, "inner/deep")
    assert_array_equal(found, explain.grad_cam(model, x, 1, inner.layers[-1]))
    assert found.shape == (3, 4, 3) and found.max() > 0


def test_grad_cam_with_several_inputs(rng):
    a, b = Input((5, 4, 2), name="a"), Input((3,), name="b")
    h = Conv2D(3, 2, name="maps")(a)
    z = Add()([Dense(2)(GlobalAveragePooling2D()(h)), Dense(2)(b)])
    model = Model([a, b], z, dtype="float64")
    given = [rng.standard_normal((3, 5, 4, 2)), rng.standard_normal((3, 3))]
    kernel = model.get_layer("dense").params["kernel"][:, 1] / (4 * 3)
    maps = explain.feature_maps(model, given, "maps")
    expected = np.maximum(maps @ kernel, 0)
    assert_allclose(explain.grad_cam(model, given, 1), expected, atol=1e-12)
    named = dict(zip("ab", given, strict=True))
    assert_allclose(explain.grad_cam(model, named, 1), expected, atol=1e-12)


# --- maps, filters, vectors ---------------------------------------------------------


def test_maps_are_those_of_prediction(model, x):
    for name, value in model.layer_outputs(x).items():
        found = explain.feature_maps(model, x, name)
        assert_allclose(found, value, rtol=1e-12, atol=1e-15, err_msg=name)


def test_filters_come_one_by_one(model):
    layer = model.layers[-3] if hasattr(model.layers[-3], "filters") else None
    layer = layer or next(la for la in model.leaves if la.name == "last")
    found = explain.filters(model, layer)
    for o, one in enumerate(found):
        assert_array_equal(one, layer.params["kernel"][..., o])
    found[...] = 7
    assert not (layer.params["kernel"] == 7).any(), "a copy"
    with pytest.raises(ValueError, match="must have a kernel"):
        explain.filters(model, model.nodes[-1].layer)


def test_embeddings_are_what_the_last_layer_takes(model, x):
    found = explain.embeddings(model, x)
    dense = model.nodes[-1].layer
    z = found @ dense.params["kernel"] + dense.params["bias"]
    assert_allclose(z, Study(model).logits([x]), rtol=1e-10)
    maps = explain.embeddings(model, x, "last")
    assert_array_equal(maps, explain.feature_maps(model, x, "last").reshape(5, -1))


def test_pca_is_scikit_learns_but_for_signs(rng):
    vectors = rng.standard_normal((40, 6)) * np.arange(1, 7) @ rng.random((6, 6)) + 3
    found, theirs = explain.pca(vectors, 3), PCA(3).fit_transform(vectors)
    signs = np.sign((found * theirs).sum(axis=0))
    assert_allclose(found, theirs * signs, atol=1e-10)
    assert_allclose(np.diff(-found.var(axis=0)) > 0, True)
    turned = vectors @ special_ortho_group.rvs(6, random_state=0)
    assert_allclose(np.abs(explain.pca(turned, 3)), np.abs(found), atol=1e-9)


def test_tsne_keeps_groups_apart(rng):
    groups = np.repeat([0, 1], 10)
    vectors = rng.standard_normal((20, 5)) + 50 * groups[:, None]
    places = explain.tsne(vectors, perplexity=5)
    assert places.shape == (20, 2)
    within = np.linalg.norm(places[:10] - places[:10].mean(axis=0), axis=1).max()
    apart = np.linalg.norm(places[:10].mean(axis=0) - places[10:].mean(axis=0))
    assert apart > within


def test_tsne_without_scikit_learn(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    with pytest.raises(ImportError, match=r'pip install "sora-np\[explain\]"'):
        explain.tsne(np.eye(8), perplexity=3)


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_nearest_samples_are_those_with_the_least_distance(model, x, rng, metric):
    train = rng.standard_normal((12, 9, 8, 2))
    train[7] = x[2]
    places, distances = explain.nearest_samples(model, x, train, None, 3, metric=metric)
    ours, theirs = explain.embeddings(model, x), explain.embeddings(model, train)
    for n in range(5):
        away = theirs - ours[n]
        far = np.sqrt((away**2).sum(axis=1))
        if metric == "cosine":
            lengths = np.linalg.norm(theirs, axis=1) * np.linalg.norm(ours[n])
            far = 1 - theirs @ ours[n] / lengths
        assert_allclose(np.sort(far)[:3], distances[n], atol=1e-7)
        assert_allclose(far[places[n]], distances[n], atol=1e-7)
    assert places[2, 0] == 7
    assert distances[2, 0] == pytest.approx(0, abs=1e-12)


# --- what a class answers to --------------------------------------------------------


def test_the_score_rises(model, x):
    study, start = Study(model), x[:3]
    found = explain.activation_maximization(model, [0, 1, 2], steps=8, start=start)
    assert found.shape == (3, 9, 8, 2)
    targets = np.arange(3)
    before = study.scores([start], targets)
    after = study.scores([found], targets)
    assert (after > before + 0.01).all()


def test_a_step_has_one_length_and_stays_in_range():
    model = Sequential([Dense(2, "softmax", input_shape=(3,))], dtype="float64")
    model.set_weights([[[3.0, 0.0], [-4.0, 0.0], [0.0, 1.0]], [0.0, 0.0]])
    start = np.full((1, 3), 0.5)
    maximize = explain.activation_maximization
    one = maximize(model, 0, steps=1, learning_rate=0.1, start=start)
    root_mean_square = np.sqrt((9 + 16) / 3)
    assert_allclose(one, start + 0.1 / root_mean_square * np.array([[3, -4, 0]]))
    model.input_range = 0.25, 2.25
    some = maximize(model, 0, steps=40, learning_rate=0.1, start=start)
    assert_allclose(some, [[2.25, 0.25, 0.5]])
    # S - penalty x^2 is greatest at w / (2 penalty)
    model.input_range = None
    peak = maximize(model, [0], None, 4000, 0.001, 2.0, start=start)
    assert_allclose(peak, [[0.75, -1, 0]], atol=2e-3)


def test_a_channel_of_a_layer_is_the_mean_of_its_map(rng):
    layers = [Conv2D(3, 2, input_shape=(4, 4, 1), name="c"), Flatten(), Dense(2)]
    model = Sequential(layers, dtype="float64")
    start = rng.standard_normal((4, 4, 1))
    found = explain.activation_maximization(model, [1, 2], "c", 1, 0.5, start=start)
    for one, channel in zip(found, (1, 2), strict=True):
        kernel = model.layers[0].params["kernel"][:, :, 0, channel]
        slope = np.zeros((4, 4))
        for i, j in np.ndindex(3, 3):
            slope[i : i + 2, j : j + 2] += kernel / 9
        step = 0.5 * slope / np.sqrt((slope**2).mean())
        assert_allclose((one - start)[..., 0], step, rtol=1e-10)
