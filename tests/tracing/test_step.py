"""A traced step is the step that training would make, and the model stays as it is."""

import copy

import numpy as np
import pytest
from tracing.cases import network

from sora_np import (
    Add,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    Model,
    Sequential,
    tracing,
)
from sora_np.optimizers import Adam


def weights(model):
    return [a.copy() for a in model.get_weights()]


def same(some, others):
    for a, b in zip(some, others, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kernels", ["fast", "numpy", "reference"])
def test_it_is_the_step_of_training(kernels, batch):
    """To the last bit where training runs the layers one by one, too."""
    options = {"fuse": False, "kernels": kernels}
    model, other = network(**options), network(**options)
    step = tracing.trace(model, *batch)
    loss = other.train_on_batch(*batch)
    assert step.value == loss
    after = {one.name: one for one in step.layers}
    for layer in other.layers:
        for name, p in layer.params.items():
            np.testing.assert_array_equal(after[layer.name].after[name], p)
            np.testing.assert_array_equal(
                after[layer.name][f"d{name}"], layer.grads[name]
            )
            assert not np.array_equal(after[layer.name][name], p)


@pytest.mark.parametrize("fuse", [True, False])
def test_the_model_is_left_as_it_was(fuse, batch):
    model, other = network(fuse=fuse), network(fuse=fuse)
    model.optimizer = other.optimizer = None
    for one in (model, other):
        one.compile(Adam(clipnorm=0.5), "sparse_categorical_crossentropy", fuse=fuse)
        one.train_on_batch(*batch)
    before = weights(model)
    model.trace(*batch)
    same(weights(model), before)
    same(model.optimizer.slots.values(), other.optimizer.slots.values())
    assert model.runner.fuse == fuse and not any(one._caches for one in model.leaves)
    for _ in range(2):
        assert model.train_on_batch(*batch) == other.train_on_batch(*batch)
    same(weights(model), weights(other))


def test_random_layers_draw_what_training_would(batch):
    def make():
        layers = [Flatten(), Dropout(0.5), Dense(3, "softmax")]
        model = Sequential(layers, seed=7)
        model.build((None, 5, 7, 2))
        model.compile("sgd", "sparse_categorical_crossentropy", fuse=False)
        return model

    model, other = make(), make()
    steps = [model.trace(*batch) for _ in range(2)]
    same(steps[0]["dropout"].values(), steps[1]["dropout"].values())
    assert (steps[0]["dropout"]["y"] == 0).mean() > 0.3
    loss = other.train_on_batch(*batch)
    assert steps[0].value == loss == model.train_on_batch(*batch)


def test_arrays_fit_one_another(batch):
    step = network().trace(*batch)
    for one, behind in zip(step.layers, step.layers[1:], strict=False):
        np.testing.assert_array_equal(one["y"], behind["x"])
        np.testing.assert_array_equal(one["dy"], behind["dx"])
    np.testing.assert_array_equal(step.layers[-1]["y"], step["loss"]["z"])
    np.testing.assert_array_equal(step.layers[-1]["dy"], step["loss"]["dz"])
    np.testing.assert_array_equal(step.x[0], batch[0])
    assert [*step["conv2d"]] == "x kernel bias z y dy dz dx dkernel dbias".split()
    assert step.value == pytest.approx(step["loss"]["loss"])


def test_what_it_holds_is_its_own(batch):
    model = network()
    step = model.trace(*batch)
    kept = copy.deepcopy(step["conv2d"]["kernel"])
    step["conv2d"]["kernel"][...] = 0
    np.testing.assert_array_equal(model.layers[0].params["kernel"], kept)


def test_graphs_and_shared_layers():
    """A layer that is used twice has two traces, whose gradients add up."""
    x, shared = Input((4,)), Dense(4, "tanh", name="shared")
    y = Dense(2)(Add(name="sum")([shared(x), shared(shared(x))]))
    model = Model(x, y, dtype="float64", seed=1)
    model.compile("sgd", "mse", fuse=False)
    rng = np.random.default_rng(0)
    batch = rng.standard_normal((3, 4)), rng.standard_normal((3, 2))
    step = model.trace(*batch)
    used = [one.name for one in step.layers if "shared" in one.name]
    assert used == ["shared", "shared:2", "shared:3"]
    assert [*step["sum"]] == ["x0", "x1", "y", "dy", "dx0", "dx1"]
    total = sum(step[n]["dkernel"] for n in used)
    model.train_on_batch(*batch)
    np.testing.assert_allclose(total, shared.grads["kernel"], rtol=1e-12)


def test_two_outputs():
    x = Input((3,))
    h = Dense(4, "relu")(x)
    model = Model(x, [Dense(1, name="a")(h), Dense(2, name="b")(h)])
    model.compile("sgd", "mse")
    y = [np.ones((2, 1)), np.ones((2, 2))]
    step = model.trace(np.ones((2, 3)), y)
    assert step["a"]["dy"].shape == (2, 1) and len(step["loss"]) == 0
    assert "dense" in str(step.explain("dense", "dx[0, 1]"))
    assert str(step).startswith("functional: a step with 2 of (N, 3)")


def test_the_table(batch):
    step = network().trace(*batch)
    lines = str(step).splitlines()
    assert lines[0].startswith("sequential: a step with 3 of (N, 5, 7, 2), loss ")
    assert lines[1].split()[:5] == ["layer", "array", "shape", "least", "largest"]
    table = [line for line in lines if line.startswith("conv2d (Conv2D)")]
    assert len(table) == 1 and "(3, 5, 7, 2)" in table[0]
    assert "sum_pqc x[n, i + p - 1, 2 j + q" in str(step)
    assert repr(step) == str(step) and "<table>" in step._repr_html_()
    assert "dkernel" in str(step["dense"]) and "<td>" in step["dense"]._repr_html_()


def test_mistakes(batch):
    x, y = batch
    with pytest.raises(RuntimeError, match="compile the model first"):
        tracing.trace(Sequential([Dense(1, input_shape=(2,))]), [[1.0, 2.0]], [1.0])
    with pytest.raises(ValueError, match="samples"):
        network().trace(x, y[:2])
    with pytest.raises(ValueError, match="was built for x"):
        tracing.trace_layer(network().layers[0], x[:, :4])
    with pytest.raises(TypeError, match="takes several inputs"):
        tracing.trace_layer(Add(), x)
    with pytest.raises(ValueError, match="expected dy of"):
        tracing.trace_layer(Conv2D(1, 2), x, np.ones((1, 1)))


def test_the_layer_is_left_as_it_was(rng):
    layer, x = Conv2D(2, 2), rng.standard_normal((1, 3, 3, 1))
    tracing.trace_layer(layer, x)
    assert layer.input_shape is None  # not even built
    layer(x)
    layer.forward(x, training=True)
    grads = {name: grad.copy() for name, grad in layer.grads.items()}
    tracing.trace_layer(layer, x)
    assert len(layer._caches) == 1
    same(layer.grads.values(), grads.values())
