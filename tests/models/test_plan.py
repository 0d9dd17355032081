"""The plan equals the list of layers: every pattern, and lists without one."""

import copy
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sora_np import (
    ELU,
    Activation,
    AveragePooling1D,
    AveragePooling2D,
    BatchNormalization,
    Conv1D,
    Conv1DTranspose,
    Conv2D,
    Conv2DTranspose,
    Cropping2D,
    Dense,
    DepthwiseConv1D,
    DepthwiseConv2D,
    Dropout,
    Flatten,
    GlobalAveragePooling1D,
    GlobalAveragePooling2D,
    GlobalMaxPooling1D,
    GlobalMaxPooling2D,
    GroupNormalization,
    Identity,
    LayerNormalization,
    LeakyReLU,
    MaxPool,
    MaxPooling1D,
    ReLU,
    Rescaling,
    Reshape,
    Sequential,
    Sigmoid,
    Softmax,
    UpSampling2D,
    ZeroPadding2D,
    activations,
)
from sora_np.engine.fusion import stages_of
from sora_np.engine.parameters import FlatParameters
from sora_np.gradcheck import check_model
from sora_np.initializers import Constant
from sora_np.sora_model import create_sora_model
from sora_np.training import step as steps_module

SHAPE = (9, 8, 2)


class Doubled(Conv2D):
    """A subclass that computes otherwise."""

    def forward(self, x, *, training=False):
        return 2 * super().forward(x, training=training)

    def backward(self, dy):
        return super().backward(2 * dy)


def linear(units):
    """Return a layer without the bias that a normalisation takes away again.

    Its gradient is a rounding error, of which Adam makes a step of full length.
    """
    return Dense(units, use_bias=False)


def normalized(**options):
    """Return a batch normalisation of which no number is 0 or 1."""
    return BatchNormalization(
        momentum=0.7,
        gamma_initializer="he_normal",
        beta_initializer=Constant(0.2),
        moving_mean_initializer=Constant(-0.3),
        moving_variance_initializer=Constant(0.6),
        **options,
    )


LISTS = {  # id: layers, the steps that the plan makes of them
    "conv-pool": (
        lambda: [Conv2D(5, 3, activation="relu"), MaxPool(2)],
        ["ConvPoolStage"],
    ),
    "conv-relu-layer-pool": (
        lambda: [Conv2D(20, 3, padding="same"), ReLU(), MaxPool((3, 2))],
        ["ConvPoolStage"],
    ),
    "conv-activation-layer": (
        lambda: [Conv2D(5, 3), Activation("relu")],
        ["ConvStage"],
    ),
    "conv-pool-twice": (
        lambda: [
            *[Conv2D(17, 2, padding="same", activation="relu"), MaxPool(2)],
            *[Conv2D(6, 2, activation="relu"), MaxPool(2)],
        ],
        ["ConvPoolStage", "ConvPoolStage"],
    ),
    "pool-overlaps": (
        lambda: [Conv2D(5, 3, activation="relu"), MaxPool(3, 1)],
        ["ConvStage", "MaxPoolStage"],
    ),
    "pool-same": (
        lambda: [Conv2D(5, 2, activation="relu"), MaxPool(2, padding="same")],
        ["ConvStage", "MaxPoolStage"],
    ),
    "groups": (
        lambda: [Conv2D(4, 3, groups=2, activation="relu"), MaxPool(2)],
        ["ConvStage", "MaxPoolStage"],
    ),
    "other-activations": (
        lambda: [Conv2D(4, 3, 2, activation="tanh"), Conv2D(3, 2, activation="tanh")],
        ["ConvStage", "ConvStage"],
    ),
    "derivatives-in-z": (
        lambda: [Conv2D(4, 3, activation="gelu"), Dense(3, "silu"), Dense(3, "elu")],
        ["ConvStage", "AffineStage", "AffineStage"],
    ),
    "no-bias": (
        lambda: [
            Conv2D(4, 3, use_bias=False, activation="relu"),
            Dense(3, use_bias=False),
        ],
        ["ConvStage", "AffineStage"],
    ),
    "no-bias-pool": (
        lambda: [
            *[Conv2D(5, 2, use_bias=False, activation="relu"), MaxPool(2)],
            *[Conv2D(6, 2, use_bias=False, activation="relu"), MaxPool(2)],
        ],
        ["ConvPoolStage", "ConvPoolStage"],
    ),
    "leaky-relu": (
        lambda: [Conv2D(4, 3), ReLU(negative_slope=0.1)],
        ["ConvStage", "EntrywiseStage"],
    ),
    "dense-relu": (lambda: [Dense(3), ReLU(), Dense(3, "relu")], ["AffineStage"] * 2),
    "pool-first": (lambda: [MaxPool(2), Conv2D(3, 2)], ["MaxPoolStage", "ConvStage"]),
    "rescaling": (lambda: [Rescaling(0.5, 0.1), Dense(3)], ["Stage", "AffineStage"]),
    "rescaling-later": (lambda: [Dense(3), Rescaling(0.5)], ["AffineStage", "Stage"]),
    "own": (
        lambda: [Doubled(3, 3, activation="relu"), MaxPool(2)],
        ["Stage", "MaxPoolStage"],
    ),
    "random": (
        lambda: [Conv2D(6, 3), Dropout(0.3), Sigmoid()],
        ["ConvStage", "Stage", "Stage"],
    ),
    "norm": (
        lambda: [linear(6), normalized(), Dropout(0.3), normalized(axis=3)],
        ["AffineStage", "BatchNormStage", "Stage", "BatchNormStage"],
    ),
    "norm-relu": (
        lambda: [
            *(Conv2D(6, 3, use_bias=False), normalized(), ReLU()),
            *(Conv2D(3, 2, use_bias=False), normalized(), Activation("relu")),
        ],
        ["ConvStage", "BatchNormStage"] * 2,
    ),
    "norm-other-activations": (
        lambda: [normalized(), ReLU(negative_slope=0.1), normalized(), Sigmoid()],
        ["BatchNormStage", "EntrywiseStage", "BatchNormStage", "Stage"],
    ),
    "norm-of-dense": (
        lambda: [linear(5), normalized(), ReLU(), linear(3), normalized()],
        ["AffineStage", "BatchNormStage"] * 2,
    ),
    "norm-frozen": (
        lambda: [Conv2D(6, 3), normalized(trainable=False), ReLU(), Dense(2)],
        ["ConvStage", "BatchNormStage", "AffineStage"],
    ),
    "norm-first": (
        lambda: [normalized(), Conv2D(3, 2)],
        ["BatchNormStage", "ConvStage"],
    ),
    "norm-other-axis": (
        lambda: [Conv2D(6, 3), normalized(axis=1), ReLU(), normalized(axis=-2)],
        ["ConvStage", "Stage", "EntrywiseStage", "Stage"],
    ),
    "norm-bare": (
        lambda: [
            *(linear(4), BatchNormalization(center=False), ReLU()),
            *(linear(4), BatchNormalization(scale=False)),
            *(linear(4), BatchNormalization(center=False, scale=False), ReLU()),
        ],
        ["AffineStage", "BatchNormStage"] * 3,
    ),
    "poolings": (
        lambda: [
            *(AveragePooling2D(3, 2, "same"), Conv2D(4, 2), AveragePooling2D(2, 1)),
            *(Reshape((6, 4)), MaxPooling1D(3, 2, "same"), AveragePooling1D(2, 1)),
        ],
        [
            *("AveragePoolStage", "ConvStage", "AveragePoolStage", "ViewStage"),
            *("MaxPoolStage", "AveragePoolStage"),
        ],
    ),
    "global": (
        lambda: [Conv2D(4, 2), GlobalAveragePooling2D()],
        ["ConvStage", "AveragePoolStage"],
    ),
    "global-maximum": (
        lambda: [Conv2D(4, 2), GlobalMaxPooling2D(keepdims=True), Identity()],
        ["ConvStage", "MaxPoolStage", "ViewStage"],
    ),
    "sequences": (
        lambda: [
            *(Reshape((24, 6)), Conv1D(5, 3, 2, "causal", activation="relu")),
            *(DepthwiseConv1D(2, depth_multiplier=2), GlobalAveragePooling1D()),
        ],
        ["ViewStage", "ConvStage", "ConvStage", "AveragePoolStage"],
    ),
    "maximum-of-sequences": (
        lambda: [Reshape((24, 6)), Conv1DTranspose(3, 3, 2), GlobalMaxPooling1D()],
        ["ViewStage", "TransposedStage", "MaxPoolStage"],
    ),
    "depthwise": (
        lambda: [
            *(DepthwiseConv2D(3, 2, "same", 3), ReLU()),
            *(DepthwiseConv2D(2, use_bias=False), Conv2D(4, 1, activation="elu")),
        ],
        ["ConvStage"] * 3,
    ),
    "transposed": (
        lambda: [
            *(Conv2DTranspose(4, 3, 2, "same", activation="relu"), Conv2D(3, 2)),
            *(Conv2DTranspose(3, (2, 3), use_bias=False), ReLU()),
            Conv2DTranspose(2, 2, activation="tanh"),
        ],
        ["TransposedStage", "ConvStage", "TransposedStage", "TransposedStage"],
    ),
    "functions": (
        lambda: [
            *(Dense(5, "gelu"), Dense(5, "elu"), Dense(5, "hard_sigmoid")),
            *(Activation("relu6"), ELU(0.7), LeakyReLU(0.2), Activation("softsign")),
            *(Conv2D(5, 2, activation="leaky_relu"), Activation("gelu_approximate")),
            *(Dense(5, "selu"), Activation("mish"), Activation("hard_silu")),
        ],
        [
            *["AffineStage"] * 3,
            *["EntrywiseStage"] * 3,
            *("Stage", "ConvStage", "EntrywiseStage", "AffineStage"),
            *["EntrywiseStage"] * 2,
        ],
    ),
    "norms-of-samples": (
        lambda: [
            *(Conv2D(6, 2), GroupNormalization(3), LayerNormalization()),
            *(GroupNormalization(2, axis=1), LayerNormalization(center=False)),
            *(GroupNormalization(-1, scale=False), LayerNormalization([1, 2])),
        ],
        [
            *("ConvStage", "GroupNormStage", "SampleNormStage", "Stage"),
            *("SampleNormStage", "GroupNormStage", "Stage"),
        ],
    ),
    "sampling": (
        lambda: [
            *(ZeroPadding2D(((1, 0), (2, 3))), Conv2D(3, 3), UpSampling2D((2, 1))),
            *(Cropping2D(((3, 0), (0, 2))), UpSampling2D(interpolation="bilinear")),
        ],
        [
            *("MarginStage", "ConvStage", "UpSamplingStage", "MarginStage"),
            "UpSamplingStage",
        ],
    ),
    "folded": (
        lambda: [
            *(Conv2D(5, 3), normalized(), ReLU(), DepthwiseConv2D(2), normalized()),
            *(Conv2D(4, 2, activation="relu"), normalized(), Activation("relu")),
            *(Conv2D(4, 2, use_bias=False), normalized(axis=1)),
        ],
        [
            *("ConvStage", "BatchNormStage") * 2,
            *("ConvStage", "BatchNormStage", "ConvStage", "Stage"),
        ],
    ),
}


def pair(layers, loss="categorical_crossentropy", dtype="float64", head=None):
    models = []
    for fuse in (True, False):
        tail = head() if head else [Flatten(), Dense(4, "softmax")]
        own = layers()
        model = Sequential([*own, *tail], dtype=dtype, seed=1)
        model.build((None, *SHAPE))
        model.compile("adam", loss, metrics=["accuracy"], fuse=fuse)
        models.append(model)
    return models


@pytest.mark.parametrize("layers, steps", LISTS.values(), ids=LISTS)
def test_plan_and_list_are_equal(layers, steps, rng):
    fused, plain = pair(layers)
    names = [type(s).__name__ for s in stages_of(fused.graph, True)]
    assert names == [*steps, "ViewStage", "AffineStage"]
    for samples in (9, 1, 9):
        x = rng.standard_normal((samples, *SHAPE))
        y = np.eye(4)[rng.integers(0, 4, samples)]
        a, b = fused.train_on_batch(x, y), plain.train_on_batch(x, y)
        assert_allclose(a, b, rtol=1e-12)
        scale = np.abs(plain.flat.grads).max()
        assert_allclose(
            fused.flat.grads, plain.flat.grads, rtol=1e-12, atol=1e-12 * scale
        )
    assert_allclose(fused.predict_on_batch(x), plain.predict_on_batch(x), rtol=1e-12)
    a = fused.evaluate(x, y, batch_size=4, verbose=0)
    assert_allclose(a, plain.evaluate(x, y, batch_size=4, verbose=0), rtol=1e-12)


@pytest.mark.parametrize("layers", [case[0] for case in LISTS.values()], ids=LISTS)
def test_gradients_of_the_plan(layers, rng):
    """By differences of the layers' forward passes, fused and not."""
    x, y = rng.standard_normal((3, *SHAPE)), np.eye(4)[[0, 2, 3]]
    for model in pair(layers):
        report = check_model(model, x, y, samples=8, directions=2)
        assert report.passed, report


@pytest.mark.parametrize("name", sorted(activations.ACTIVATIONS))
def test_every_activation_function(name, rng):
    """In Conv2D, Dense and Activation, by the plan and one by one."""
    fused, plain = pair(
        lambda: [Conv2D(3, 3, activation=name), Dense(4, name), Activation(name)],
        "mse",
    )
    x, y = (
        0.1 * rng.standard_normal((5, *SHAPE)),
        rng.random((5, 4)),
    )  # e^e^e^1 is large
    assert_allclose(fused.train_on_batch(x, y), plain.train_on_batch(x, y), rtol=1e-12)
    scale = np.abs(plain.flat.grads).max()
    assert scale > 0
    assert_allclose(fused.flat.grads, plain.flat.grads, rtol=0, atol=1e-12 * scale)
    assert_allclose(fused.predict_on_batch(x), plain.predict_on_batch(x), rtol=1e-9)


OWN = {  # a user's own: the derivative written in y, and in z
    "in-y": activations.Activation("power", np.exp, lambda dy, y: dy * y),
    "in-z": activations.Activation("square", np.square, lambda dy, z: 2 * dy * z, True),
}


@pytest.mark.parametrize("function", OWN.values(), ids=OWN)
def test_a_users_activation_function(function, rng):
    x, y = rng.standard_normal((3, *SHAPE)), np.eye(4)[[0, 2, 3]]
    for model in pair(
        lambda: [Conv2D(3, 3, activation=function), Dense(4, function)],
    ):
        report = check_model(model, x, y, samples=8, directions=2)
        assert report.passed, report


HEADS = {
    "mse-of-softmax": ("mse", lambda: [Flatten(), Dense(4), Softmax()]),
    "sigmoid": ("binary_crossentropy", lambda: [Flatten(), Dense(4, "sigmoid")]),
    "regression": ("mae", lambda: [Flatten(), Dense(4)]),
}


@pytest.mark.parametrize("loss, head", HEADS.values(), ids=HEADS)
def test_other_ends_are_equal(loss, head, rng):
    fused, plain = pair(lambda: [Conv2D(3, 3, activation="relu")], loss, head=head)
    x, y = rng.standard_normal((5, *SHAPE)), rng.integers(0, 2, (5, 4))
    for _ in range(2):
        assert_allclose(
            fused.train_on_batch(x, y), plain.train_on_batch(x, y), rtol=1e-12
        )
    assert_allclose(fused.predict_on_batch(x), plain.predict_on_batch(x), rtol=1e-12)


@pytest.mark.parametrize("kind", ["uint8", "float16", "float64", ">f4", "bool"])
def test_fit_draws_from_any_dtype(kind, rng):
    fused, plain = pair(LISTS["conv-pool"][0], dtype="float32")
    x = rng.integers(0, 2, (20, *SHAPE)).astype(kind)
    y = np.eye(4)[rng.integers(0, 4, 20)]
    logs = [
        m.fit(x, y, batch_size=8, epochs=2, verbose=0).history for m in (fused, plain)
    ]
    assert_allclose(logs[0]["loss"], logs[1]["loss"], rtol=1e-5)
    assert_allclose(
        fused.predict(x[::2], verbose=0), plain.predict(x[::2], verbose=0), atol=1e-5
    )


def test_what_a_user_is_handed_is_a_copy(rng):
    model, _ = pair(LISTS["conv-pool"][0])
    x = rng.standard_normal((3, *SHAPE))
    first = model.predict_on_batch(x)
    kept = first.copy()
    model.predict_on_batch(-x)
    assert_array_equal(first, kept)


def test_a_new_activation_makes_a_new_plan(rng):
    model, plain = pair(LISTS["conv-pool"][0])
    x, y = rng.standard_normal((3, *SHAPE)), np.eye(4)[:3]
    model.train_on_batch(x, y)
    plain.train_on_batch(x, y)
    for m in (model, plain):
        m.layers[0].activation = Activation("tanh").activation
    assert_allclose(model.train_on_batch(x, y), plain.train_on_batch(x, y), rtol=1e-12)
    assert_allclose(model.predict_on_batch(x), plain.predict_on_batch(x), rtol=1e-12)


@pytest.mark.parametrize("name", ["momentum", "epsilon"])
def test_a_new_number_of_a_normalization_makes_a_new_plan(name, rng):
    x, y = rng.standard_normal((3, *SHAPE)), np.eye(4)[:3]
    models = pair(LISTS["norm"][0])
    for model in models:
        model.train_on_batch(x, y)
        setattr(model.layers[1], name, 0.25)
        model.train_on_batch(x, y)
    fused, plain = (model.predict_on_batch(x) for model in models)
    assert_allclose(fused, plain, rtol=1e-12)


def patch(layer):
    layer.forward = lambda x, training=False: type(layer).forward(layer, x) ** 2


def replace(params):
    params.pop("bias")
    params["bias"] = np.full(3, 5, np.float32)


def move(layer):
    FlatParameters([layer], np.float32)
    layer.params["bias"] += 5


CHANGES = {  # after a prediction: what the next one must notice
    "scale": lambda m: setattr(m.layers[0], "scale", 0.25),
    "offset": lambda m: setattr(m.layers[0], "offset", 3.0),
    "patched": lambda m: patch(m.layers[1]),
    "restored": lambda m: delattr(m.layers[3], "forward"),
    "moved": lambda m: move(m.layers[1]),
    "replaced": lambda m: replace(m.layers[1].params),
    "updated": lambda m: m.layers[1].params.update(bias=np.full(3, 5, np.float32)),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_of_a_layer_is_noticed(change, rng):
    model = Sequential(
        [Rescaling(0.5), Conv2D(3, 3, padding="same"), Flatten(), ReLU()]
    )
    x = rng.standard_normal((2, *SHAPE))
    model.build((None, *SHAPE))
    patch(model.layers[3])
    before, _ = [model.predict_on_batch(x) for _ in range(2)]
    change(model)
    after = model.predict_on_batch(x)
    assert abs(after - before).max() > 1e-3
    assert_allclose(after, model(x), rtol=1e-5, atol=1e-6)


def test_an_array_among_the_attributes_may_be_replaced(rng):
    class Scaled(Flatten):
        scale = None

    model = Sequential([Scaled(), Dense(2)])
    x = rng.standard_normal((3, 4))
    for scale in (None, np.ones(4), np.zeros(4)):
        model.layers[0].scale = scale
        assert model.predict_on_batch(x).shape == (3, 2)


def test_fit_splits_the_last_activation_off_once(rng, monkeypatch):
    calls, split = [], steps_module.as_trained

    def counted(*args):
        calls.append(args)
        return split(*args)

    monkeypatch.setattr(steps_module, "as_trained", counted)
    model = Sequential([Dense(4), Dense(2, "softmax")])
    model.compile("sgd", "categorical_crossentropy")
    x, y = rng.standard_normal((40, 3)), np.eye(2)[np.zeros(40, int)]
    model.fit(x, y, batch_size=4, epochs=2, verbose=0)
    assert len(calls) == 1


def test_a_layer_that_another_model_trains_is_noticed(rng):
    shared, x = Dense(3), rng.standard_normal((4, 5))
    first, other = Sequential([shared]), Sequential([shared, Dense(2)])
    before, _ = [first.predict_on_batch(x) for _ in range(2)]
    other.compile("sgd", "mse")
    other.train_on_batch(x, np.ones((4, 2)))
    assert abs(first.predict_on_batch(x) - before).max() > 1e-6
    assert_allclose(first.predict_on_batch(x), first(x), rtol=1e-6)


def test_moving_averages_are_those_of_the_layers_to_the_bit(rng):
    models = pair(lambda: [BatchNormalization(momentum=0.9)], dtype="float32")
    x, y = rng.standard_normal((50, *SHAPE)) + 3, np.eye(4)[rng.integers(0, 4, 50)]
    for model in models:
        model.fit(x, y, batch_size=7, shuffle=False, verbose=0)
    for fused, plain in zip(*[m.layers[0].state.values() for m in models], strict=True):
        assert_array_equal(fused, plain)


@pytest.mark.parametrize("samples", [1, 2, 3, 4, 5, 9])
def test_moving_averages_of_few_rows(rng, samples):
    """Of one sample, too: 0.7 of what they were and 0.3 of the batch's; by hand."""
    x = rng.standard_normal((samples, 3)) + 2
    for fuse in (True, False):
        model = Sequential([normalized(), Dense(2)], dtype="float64")
        model.compile("sgd", "mse", fuse=fuse)
        model.train_on_batch(x, np.zeros((samples, 2)))
        state = model.layers[0].state
        mean, variance = x.mean(0), x.var(0)
        assert_allclose(state["moving_mean"], 0.7 * -0.3 + 0.3 * mean, rtol=1e-12)
        assert_allclose(
            state["moving_variance"], 0.7 * 0.6 + 0.3 * variance, rtol=1e-12
        )


CHANGED = {  # an attribute that a stage is made from, and another value
    "leaky": (lambda: LeakyReLU(0.1), "negative_slope", 0.5),
    "elu": (lambda: ELU(0.5), "alpha", 2.0),
    "upsampling": (lambda: UpSampling2D(2), "interpolation", "bilinear"),
    "layer-norm": (LayerNormalization, "epsilon", 0.5),
}


@pytest.mark.parametrize("make, name, value", CHANGED.values(), ids=CHANGED)
def test_a_stage_sees_what_was_changed(make, name, value, rng):
    x = rng.standard_normal((3, *SHAPE))
    fused, plain = pair(lambda: [make()])
    before = fused.predict_on_batch(x)
    for model in (fused, plain):
        setattr(model.layers[0], name, value)
    after = fused.predict_on_batch(x)
    assert np.abs(after - before).max() > 1e-6
    assert_allclose(after, plain.predict_on_batch(x), rtol=1e-12)


def test_few_plans_are_kept(rng):
    model, _ = pair(LISTS["conv-pool"][0])
    for samples in (3, *range(1, 9), 3, 9):
        model.predict_on_batch(np.zeros((samples, *SHAPE)))
    assert [size for size, _, _ in model.runner.plans] == [5, 6, 7, 8, 3, 9]


def test_training_allocates_no_large_array():
    """A step of fit makes nothing of a hundredth of the size of its activations."""
    import tracemalloc

    model = create_sora_model((28, 28, 1))
    x, y = np.zeros((64, 28, 28, 1), np.float32), np.eye(10, dtype=np.float32)[:1]
    y = np.repeat(y, 64, axis=0)
    model.fit(x, y, batch_size=32, verbose=0)
    tracemalloc.start()
    model.fit(x, y, batch_size=32, verbose=0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    activations = 32 * (13 * 13 * 32 + 5 * 5 * 64 + 128) * 4
    assert peak < activations / 4, f"{peak} bytes"


def test_a_deep_copy_is_a_model_of_its_own(rng):
    model, _ = pair(LISTS["conv-pool"][0])
    x, y = rng.standard_normal((3, *SHAPE)), np.eye(4)[:3]
    model.train_on_batch(x, y)
    twin = copy.deepcopy(model)
    before = [w.copy() for w in model.get_weights()]
    a = [twin.train_on_batch(x, y)[0] for _ in range(3)]
    for weight, kept in zip(model.get_weights(), before, strict=True):
        assert_array_equal(weight, kept)
    assert_allclose([model.train_on_batch(x, y)[0] for _ in range(3)], a, rtol=1e-12)
    assert a[2] < a[0]


def test_threads_may_share_a_model(rng):
    model, _ = pair(LISTS["conv-pool"][0])
    inputs = rng.standard_normal((8, 3, *SHAPE))
    expected = [model.predict_on_batch(x) for x in inputs]
    with ThreadPoolExecutor(4) as pool:
        for _ in range(20):
            for y, wanted in zip(
                pool.map(model.predict_on_batch, inputs), expected, strict=True
            ):
                assert_array_equal(y, wanted)
