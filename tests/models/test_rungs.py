"""compile(kernels=...): one model by compiled kernels, by NumPy, by loops."""

import copy
import pickle
import threading

import numpy as np
import pytest

from sora_np import (
    Activation,
    Add,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Dense,
    DepthwiseConv2D,
    Flatten,
    GlobalAveragePooling2D,
    Input,
    LayerNormalization,
    MaxPooling2D,
    Model,
    Sequential,
    gradcheck,
    load_model,
)
from sora_np.engine.layer_by_layer import LayerByLayer
from sora_np.engine.plan import Plan
from sora_np.kernels.convolutional import conv2d
from sora_np.kernels.core import dense
from sora_np.kernels.losses import softmax_crossentropy
from sora_np.kernels.machine.rungs import RUNGS, rung
from sora_np.kernels.pooling import maxpool2d


def network(dtype="float64", **options):
    layers = [
        Conv2D(3, 3, padding="same", activation="relu"),
        MaxPooling2D(2),
        Conv2D(4, 2, strides=2, groups=1, activation="gelu"),
        BatchNormalization(),
        Flatten(),
        Dense(5, "elu"),
        Dense(3, "softmax"),
    ]
    model = Sequential(layers, dtype=dtype, seed=3)
    model.build((None, 9, 9, 2))
    model.compile("adam", "sparse_categorical_crossentropy", **options)
    return model


def graph(dtype="float64", **options):
    """Layers of two branches, and a loss from probabilities."""
    x = Input((8, 8, 4))
    a = Conv2D(4, 3, dilation_rate=2, padding="same", groups=2, activation="mish")(x)
    b = DepthwiseConv2D(3, padding="same", activation="sigmoid")(x)
    both = Add()([a, b])
    c = AveragePooling2D(3, 2, "same")(LayerNormalization()(both))
    d = MaxPooling2D(3, 2, "same")(Activation("tanh")(both))
    y = Dense(2, "sigmoid")(GlobalAveragePooling2D()(Concatenate()([c, d])))
    model = Model(x, y, dtype=dtype, seed=4)
    model.compile("sgd", "mse", **options)
    return model


def batch(model, samples=6):
    rng = np.random.default_rng(1)
    x = rng.standard_normal((samples, *model.input_shape[-3:]))
    if model.output_shape[-1] == 2:
        return x, rng.random((samples, 2))
    return x, rng.integers(0, 3, samples)


@pytest.mark.parametrize("make", [network, graph])
@pytest.mark.parametrize(
    "dtype, tolerance", [("float64", 1e-10), ("float32", 1e-4)], ids=["64", "32"]
)
def test_all_rungs_learn_alike(make, dtype, tolerance):
    losses, outputs = {}, {}
    for name in RUNGS:
        model = make(dtype, kernels=name)
        x, y = batch(model)
        steps = [model.train_on_batch(x, y, return_dict=True) for _ in range(4)]
        last = model.evaluate(x, y, verbose=0, return_dict=True)
        losses[name] = [step["loss"] for step in [*steps, last]]
        outputs[name] = model.predict(x, verbose=0)
    for name in ("numpy", "reference"):
        np.testing.assert_allclose(losses[name], losses["fast"], rtol=tolerance)
        np.testing.assert_allclose(outputs[name], outputs["fast"], rtol=tolerance * 10)
    assert losses["fast"][3] < losses["fast"][0]  # in training


def counting(monkeypatch, function, name):
    """Return a list that grows with every call of one rung of an operation."""
    calls, itself = [], function.rungs[name]
    (table,) = (
        cell.cell_contents
        for cell in function.__closure__
        if isinstance(cell.cell_contents, dict)
    )
    counted = lambda *a, **k: calls.append(name) or itself(*a, **k)  # noqa: E731
    monkeypatch.setitem(table, name, counted)
    return calls


@pytest.mark.parametrize("name", ["numpy", "reference"])
def test_layers_and_loss_call_their_rung(name, monkeypatch):
    operations = [
        *(conv2d.conv2d, conv2d.conv2d_dw, conv2d.conv2d_dx, dense.dense),
        *(maxpool2d.maxpool2d, maxpool2d.maxpool2d_dx),
        softmax_crossentropy.softmax_crossentropy_and_dz,
    ]
    seen = [counting(monkeypatch, operation, name) for operation in operations]
    model = network(kernels=name)
    model.train_on_batch(*batch(model))
    assert [len(calls) for calls in seen] == [2, 2, 2, 2, 1, 1, 1]
    model.compile("adam", "sparse_categorical_crossentropy")
    model.train_on_batch(*batch(model))
    assert [len(calls) for calls in seen] == [2, 2, 2, 2, 1, 1, 1]


def test_what_runs_the_layers():
    model = network()
    assert isinstance(model.runner.run(model.graph, 2, training=True), Plan)
    model.compile("adam", "sparse_categorical_crossentropy", kernels="numpy")
    assert isinstance(model.runner.run(model.graph, 2, training=True), LayerByLayer)
    model.compile("adam", "sparse_categorical_crossentropy")
    assert isinstance(model.runner.run(model.graph, 2, training=True), Plan)


def test_another_name_is_refused():
    model = network(kernels="numpy")
    with pytest.raises(ValueError, match='"fast", "numpy" or "reference", got .slow.'):
        model.compile("adam", "mse", kernels="slow")
    with pytest.raises(ValueError, match="got 'slow'"), rung("slow"):
        pass
    assert model.runner.kernels == "numpy" and model.optimizer.name == "adam"


@pytest.mark.parametrize("name", RUNGS)
def test_files_copies_and_pickles_keep_it(name, tmp_path):
    model = network(kernels=name)
    model.train_on_batch(*batch(model))
    model.save(tmp_path / "model.npz")
    loaded = load_model(tmp_path / "model.npz")
    others = loaded, copy.deepcopy(model), pickle.loads(pickle.dumps(model))
    for other in others:
        assert other.runner.kernels == name
        assert other.runner.fuse == (name == "fast")
        np.testing.assert_allclose(
            other.train_on_batch(*batch(model)),
            network_after_two(name),
            rtol=1e-12,
        )
    assert load_model(tmp_path / "model.npz", compile=False).runner.kernels == "fast"


def network_after_two(name):
    model = network(kernels=name)
    model.train_on_batch(*batch(model))
    return model.train_on_batch(*batch(model))


def test_an_older_pickle_is_fast():
    runner = network().runner
    state = runner.__getstate__()
    del state["kernels"]
    runner.__setstate__(state)
    assert runner.kernels == "fast" and runner.fuse


def test_a_context_is_of_one_thread(monkeypatch):
    layer, x = Dense(2), np.ones((1, 3))
    y, calls = layer(x), counting(monkeypatch, dense.dense, "reference")
    with rung("reference"):
        other = threading.Thread(target=layer, args=(x,))
        other.start()
        other.join()
        assert not calls
        with rung("fast"):
            layer(x)
        assert not calls
        np.testing.assert_allclose(layer(x), y)
        assert calls == ["reference"]
    layer(x)
    assert calls == ["reference"]


def test_an_error_leaves_the_context():
    with pytest.raises(ZeroDivisionError), rung("numpy"):
        raise ZeroDivisionError
    with rung("fast"):
        pass
    model = network(kernels="reference")
    bad = batch(model)[0].copy()
    with pytest.raises(ValueError):
        model.train_on_batch(bad[:, 1:], np.zeros(6, int))
    assert conv2d.conv2d.rungs["fast"] is not conv2d.conv2d.rungs["reference"]


@pytest.mark.parametrize("name", ["numpy", "reference"])
def test_gradients_on_a_rung(name):
    model = network(kernels=name)
    report = gradcheck.check_model(model, *batch(model, 2), samples=3)
    assert report.passed, report


def test_no_warning_of_numpy_where_the_kernels_are_silent():
    huge = np.array([[1e4, -1e4, np.inf]])
    layer = Activation("silu")
    expected = layer(huge)
    for name in ("numpy", "reference"):
        with rung(name):
            np.testing.assert_allclose(layer(huge), expected)
