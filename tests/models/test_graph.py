"""Graphs of layers: Model(inputs, outputs), held to Sequential, to sums by hand."""

import copy
import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sora_np import (
    Activation,
    Add,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Input,
    MaxPooling2D,
    Model,
    Multiply,
    ReLU,
    Rescaling,
    Sequential,
    Softmax,
    callbacks,
)
from sora_np.gradcheck import check_model
from sora_np.layers import Layer
from sora_np.models import clone_model, load_model
from sora_np.saving import ModelFileError

IMAGE = (8, 6, 2)


# --- graphs of every kind: functions of what Model takes ------------------------------


def skips(**options):
    """A residual block, and a skip around it that leaves by another way."""
    x = Input(IMAGE)
    a = Conv2D(4, 3, padding="same", use_bias=False)(x)
    a = ReLU()(BatchNormalization()(a))
    b = BatchNormalization()(Conv2D(4, 3, padding="same")(a))
    c = ReLU()(Add()([a, b]))
    d = MaxPooling2D()(Conv2D(3, 3, activation="relu")(c))
    e = Concatenate()([Flatten()(d), Flatten()(c)])
    return Model(x, Dense(3, "softmax")(e), **options)


def diamonds(**options):
    """Values that are taken three times, twice by one layer, and through views."""
    x = Input((6,))
    a = Dense(6, "relu")(x)
    b = Dense(6, "tanh")(a)
    c = Add()([a, a, b])
    d = Multiply()([Dropout(0.0)(c), a])
    e = Concatenate()([Flatten()(d), c])
    return Model(x, Dense(3, "softmax")(Add()([Dense(4)(e), Dense(4)(x)])), **options)


def shared(**options):
    """One layer and one model, each called twice: a siamese network."""
    a, b = Input(IMAGE, name="left"), Input(IMAGE, name="right")
    arm = Sequential([Conv2D(3, 3, activation="relu"), MaxPooling2D(), Flatten()])
    if options.get("dtype") == "float64":
        arm = Sequential(arm.layers, dtype="float64")
    dense = Dense(5, "tanh")
    ends = [dense(arm(a)), dense(arm(b))]
    return Model([a, b], Dense(3, "softmax")(Concatenate()(ends)), **options)


def nested(**options):
    """A graph in a graph in a row of layers."""
    dtype = {name: options[name] for name in ("dtype",) if name in options}
    x = Input((6,))
    inner = Model(x, Add()([x, Dense(6, "relu")(x)]), name="inner", **dtype)
    y = Input((6,))
    outer = Model(y, inner(Dense(6)(inner(y))), name="outer", **dtype)
    return Sequential([outer, Dense(3), Softmax()], **options)


def rescaled(**options):
    """Two inputs of other shapes, one of them scaled when batches are drawn."""
    image, number = Input(IMAGE, name="image"), Input((3,), name="number")
    a = Flatten()(Conv2D(2, 3)(Rescaling(0.5, 0.25)(image)))
    b = Dense(4, "relu")(number)
    return Model([image, number], Dense(3, "softmax")(Concatenate()([a, b])), **options)


GRAPHS = {f.__name__: f for f in (skips, diamonds, shared, nested, rescaled)}


def batch(model, samples, rng):
    """Return x and one-hot y for a model of three classes."""
    shapes = model.graph.input_shapes
    xs = [rng.standard_normal((samples, *shape)) for shape in shapes]
    y = np.eye(3)[rng.integers(0, 3, samples)]
    return (xs if len(xs) > 1 else xs[0]), y


def pair(make, **options):
    """Return two models with the same weights, fused and not, in float64."""
    models = [make(dtype="float64", seed=3, **options) for _ in range(2)]
    models[1].set_weights(models[0].get_weights())
    for fuse, model in zip((True, False), models, strict=True):
        model.compile("sgd", "categorical_crossentropy", metrics=["acc"], fuse=fuse)
    return models


@pytest.mark.parametrize("make", GRAPHS.values(), ids=GRAPHS)
def test_the_plan_equals_the_layers(make, rng):
    fused, plain = pair(make)
    for samples in (5, 1, 5):
        x, y = batch(fused, samples, rng)
        a, b = fused.train_on_batch(x, y), plain.train_on_batch(x, y)
        assert_allclose(a, b, rtol=1e-12)
        scale = np.abs(plain.flat.grads).max()
        assert scale > 1e-3
        assert_allclose(
            fused.flat.grads, plain.flat.grads, rtol=1e-11, atol=1e-12 * scale
        )
        for _ in range(2):  # the buffers of one prediction serve the next
            expected = plain.predict_on_batch(x)
            assert_allclose(fused.predict_on_batch(x), expected, rtol=1e-12)
    expected = plain.evaluate(x, y, batch_size=2, verbose=0)
    assert_allclose(fused.evaluate(x, y, batch_size=2, verbose=0), expected, rtol=1e-12)


@pytest.mark.parametrize("make", GRAPHS.values(), ids=GRAPHS)
def test_gradients(make, rng):
    for model in pair(make):
        x, y = batch(model, 3, rng)
        for report in (
            check_model(model, x, y, samples=6, directions=2),
            check_model(model, x, samples=3, directions=1),
        ):
            assert report.passed, report
        assert len(report) == len(model.graph.input_shapes) + sum(
            len(layer.params) for layer in model.leaves
        )


@pytest.mark.parametrize("make", GRAPHS.values(), ids=GRAPHS)
def test_files_copies_and_clones(make, rng, tmp_path):
    model = make(seed=5)
    model.compile("adam", "categorical_crossentropy", metrics=["acc"])
    x, y = batch(model, 8, rng)
    model.fit(x, y, batch_size=4, verbose=0)
    model.save(tmp_path / "m.npz")
    others = [
        load_model(tmp_path / "m.npz"),
        copy.deepcopy(model),
        pickle.loads(pickle.dumps(model)),
    ]
    for other in others:
        assert_array_equal(other.predict_on_batch(x), model.predict_on_batch(x))
        other.fit(x, y, batch_size=4, verbose=0)
    model.fit(x, y, batch_size=4, verbose=0)
    for other in others:
        assert_array_equal(other.flat.values, model.flat.values)
        texts = []
        for one in (model, other):
            one.summary(print_fn=texts.append)
        assert texts[0] == texts[1]
    again = clone_model(model)
    fresh = make(seed=5)
    for mine, theirs in zip(again.get_weights(), fresh.get_weights(), strict=True):
        assert mine.shape == theirs.shape
    model.save_weights(tmp_path / "w.npz")
    again.load_weights(tmp_path / "w.npz")
    assert_array_equal(again.predict_on_batch(x), model.predict_on_batch(x))


def test_a_chain_is_sequential(rng):
    """The same weights from the same seed, and the same bits after training."""

    def layers():
        first = Conv2D(4, 3, activation="relu", input_shape=IMAGE)
        return [first, MaxPooling2D(), Flatten(), Dense(3, "softmax")]

    row = Sequential(layers(), seed=7)
    x = y = Input(IMAGE)
    for layer in layers():
        y = layer(y)
    graph = Model(x, y, seed=7)
    assert [type(layer).__name__ for layer in graph.layers[:2]] == [
        "InputLayer",
        "Conv2D",
    ]
    given, labels = batch(row, 20, rng)
    for model in (row, graph):
        model.compile("adam", "categorical_crossentropy", metrics=["acc"])
        model.fit(given, labels, batch_size=8, epochs=2, verbose=0)
    assert_array_equal(row.flat.values, graph.flat.values)
    assert row.history.history == graph.history.history
    assert len(graph.runner.plans) == len(row.runner.plans) > 0


# --- several outputs ------------------------------------------------------------------


def two_ends(**options):
    x = Input((4,), name="x")
    h = Dense(5, "tanh")(x)
    return Model(
        x, {"kind": Dense(3, "softmax")(h), "size": Dense(1)(h)}, seed=1, **options
    )


def ends(samples, rng):
    kind = rng.integers(0, 3, samples)
    return {"kind": kind, "size": rng.standard_normal((samples, 1))}


LOSSES = {"kind": "sparse_categorical_crossentropy", "size": "mse"}


@pytest.mark.parametrize("fuse", [True, False])
def test_the_loss_is_the_weighted_sum(fuse, rng):
    model = two_ends(dtype="float64")
    weights = {"kind": 0.25, "size": 2.0}
    measured = {"kind": ["accuracy"], "size": "mae"}
    model.compile("sgd", LOSSES, weights, measured, fuse=fuse)
    x, y = rng.standard_normal((9, 4)), ends(9, rng)
    logs = model.test_on_batch(x, y, return_dict=True)
    out = model.predict_on_batch(x)
    kind = -np.log(out["kind"][np.arange(9), y["kind"]]).mean()
    size = np.square(out["size"] - y["size"]).mean()
    assert list(logs) == [
        *("loss", "kind_loss", "size_loss", "kind_accuracy", "size_mae")
    ]
    assert model.metrics_names == list(logs)
    wanted = {
        "loss": 0.25 * kind + 2 * size,
        "kind_loss": kind,
        "size_loss": size,
        "kind_accuracy": (out["kind"].argmax(1) == y["kind"]).mean(),
        "size_mae": np.abs(out["size"] - y["size"]).mean(),
    }
    for name, value in wanted.items():
        assert_allclose(logs[name], value, rtol=1e-9, err_msg=name)
    report = check_model(model, x, y)
    assert report.passed, report
    trained = model.train_on_batch(x, y, return_dict=True)
    assert_allclose([trained[n] for n in wanted], [*wanted.values()], rtol=1e-9)
    assert model.test_on_batch(x, y)[0] < logs["loss"]


def test_fit_and_predict_by_name_and_in_order(rng, tmp_path):
    x, y = rng.standard_normal((20, 4)), ends(20, rng)
    forms = [
        (x, y),
        ({"x": x}, {"size": y["size"], "kind": y["kind"]}),
        ([x], [y["kind"], y["size"]]),
    ]
    models = [two_ends() for _ in forms]
    for model, (given, targets) in zip(models, forms, strict=True):
        model.compile("adam", LOSSES, metrics=[["acc"], []])
        model.fit(
            given, targets, 8, 3, verbose=0, validation_data=(given, targets),
            sample_weight={"size": np.linspace(0, 1, 20)},
        )  # fmt: skip
    assert_array_equal(models[0].flat.values, models[1].flat.values)
    assert_array_equal(models[0].flat.values, models[2].flat.values)
    logs = models[0].history.history
    assert "val_size_loss" in logs and logs["loss"][-1] < logs["loss"][0]
    one = models[0].predict(x, verbose=0)
    assert {name: a.shape for name, a in one.items()} == {
        "kind": (20, 3),
        "size": (20, 1),
    }
    models[0].save(tmp_path / "m.npz")
    again = load_model(tmp_path / "m.npz")
    assert_array_equal(again.predict(x, verbose=0)["kind"], one["kind"])
    assert again.evaluate(x, y, verbose=0) == models[0].evaluate(x, y, verbose=0)
    again.fit(x, y, 8, verbose=0)
    models[0].fit(x, y, 8, verbose=0)
    assert_array_equal(again.flat.values, models[0].flat.values)


def test_batches_that_come_in_a_stream(rng):
    x, y = rng.standard_normal((24, 4)), ends(24, rng)
    models = [two_ends(), two_ends()]
    for model in models:
        model.compile("adam", LOSSES, metrics={"kind": "acc"})
    parts = [slice(k, k + 8) for k in range(0, 24, 8)]

    def stream():
        for part in parts:
            yield {"x": x[part]}, {name: a[part] for name, a in y.items()}

    models[0].fit(x, y, 8, verbose=0, shuffle=False)
    models[1].fit(stream(), verbose=0)
    assert_array_equal(models[0].flat.values, models[1].flat.values)
    assert models[0].history.history == models[1].history.history


@pytest.mark.parametrize("fuse", [True, False])
def test_an_output_without_a_loss_teaches_nothing(fuse, rng):
    x = rng.standard_normal((6, 4))
    model = two_ends(dtype="float64")
    model.compile("sgd", {"size": "mse"}, fuse=fuse)
    kind = model.get_layer("dense_1")
    model.flat.grads[...] = 7
    before = [w.copy() for w in kind.get_weights()]
    model.train_on_batch(x, {"size": np.ones((6, 1))})
    for now, then in zip(kind.get_weights(), before, strict=True):
        assert_array_equal(now, then)
    assert not np.any(kind.grads["kernel"]) and np.any(model.layers[1].grads["kernel"])
    assert model.metrics_names == ["loss", "size_loss"]


def test_training_resumes_to_the_bit(rng, tmp_path):
    x, y = rng.standard_normal((24, 4)), ends(24, rng)

    def model():
        made = two_ends()
        made.compile("adam", LOSSES, metrics={"kind": "acc"})
        return made

    class Stop(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.optimizer.batches == 4:
                raise RuntimeError("the power fails")

    whole, broken, resumed = model(), model(), model()
    whole.fit(x, y, 8, 4, verbose=0)
    kept = callbacks.BackupAndRestore(tmp_path, save_freq=1)
    with pytest.raises(RuntimeError, match="the power fails"):
        broken.fit(x, y, 8, 4, verbose=0, callbacks=[kept, Stop()])
    kept = callbacks.BackupAndRestore(tmp_path, save_freq=1)
    resumed.fit(x, y, 8, 4, verbose=0, callbacks=[kept])
    assert_array_equal(whole.flat.values, resumed.flat.values)
    assert whole.history.history == resumed.history.history


# --- parts of graphs ------------------------------------------------------------------


@pytest.mark.parametrize("make", [skips, nested])
def test_feature_maps(make, rng):
    model = make()
    name = "max_pooling2d" if make is skips else "dense"
    layer = model.get_layer(name)
    part = Model(model.inputs, layer.output)
    x, _ = batch(model, 3, rng)
    expected = model.layer_outputs(x)[name]  # layer by layer: nothing is folded
    assert_allclose(part.predict_on_batch(x), expected, rtol=1e-5, atol=1e-6)
    assert all(any(a is b for b in model.leaves) for a in part.leaves if a.params)
    copied = copy.deepcopy(model)
    both = Model(copied.inputs, [copied.get_layer(name).output, copied.output])
    for mine, whole in zip(
        both.predict_on_batch(x), (model.layer_outputs(x)[name], model(x)), strict=True
    ):
        assert_allclose(mine, whole, rtol=1e-5, atol=1e-6)


def test_a_model_within_is_frozen_and_tuned(rng):
    base = Sequential([Dense(5, "relu", input_shape=(4,)), Dense(4, "relu")])
    base.trainable = False
    x = Input((4,))
    model = Model(x, Dense(2)(base(x)))
    model.compile("sgd", "mse")
    before = base.get_weights()
    model.fit(rng.standard_normal((8, 4)), rng.standard_normal((8, 2)), verbose=0)
    for now, then in zip(base.get_weights(), before, strict=True):
        assert_array_equal(now, then)
    base.trainable = True
    model.compile("sgd", "mse")
    model.fit(rng.standard_normal((8, 4)), rng.standard_normal((8, 2)), verbose=0)
    assert any(np.any(a != b) for a, b in zip(base.get_weights(), before, strict=True))
    names = [name for name, _ in model.named_leaves()]
    assert names == [
        *("input_layer", "sequential/dense", "sequential/dense_1", "dense")
    ]


def test_weights_are_in_keras_order():
    """The layer that is furthest from the output first, then as they are met."""
    x = Input((4,))
    a = Dense(3, name="a")(x)
    b = Dense(5, name="b")(x)
    c = Dense(3, name="c")(b)
    model = Model(x, Add()([a, c]))
    assert [layer.name for layer in model.layers] == [
        *("input_layer", "b", "a", "c", "add")
    ]


def test_the_summary_says_what_is_connected(capsys):
    skips().summary()
    text = capsys.readouterr().out
    assert "Connected to" in text and "re_lu[0], batch_normalization_1[0]" in text
    assert "Connected to" in skips()._repr_html_()


def test_layers_in_two_places_keep_their_names():
    x = Input((4,))
    first = Model(x, Dense(3)(Dense(4)(x)))
    names = [layer.name for layer in first.layers]
    second = Model(x, Dense(2)(first.layers[1].output))
    assert [layer.name for layer in first.layers] == names
    assert [la.name for la in second.layers] == ["input_layer", "dense", "dense_2"] or [
        la.name for la in second.layers
    ] == ["input_layer", "dense", "dense_1"]


# --- what cannot be ------------------------------------------------------------------


class Own(Layer):
    takes_several = True

    def build(self, shapes, rng, dtype):
        super().build(shapes, rng, dtype)
        return shapes[0]

    def forward(self, a, b, *, training=False):
        if training:
            self.remember(a, b)
        return a * np.tanh(b)

    def backward(self, dy):
        dy, b = self.recall(dy)
        return dy * np.tanh(b), dy * 0.5


def test_a_wrong_gradient_of_one_of_several_inputs_is_found(rng):
    x = Input((4,))
    own = Own()
    own_out = own([Dense(3)(x), Dense(3)(x)])
    model = Model(x, own_out, dtype="float64")
    assert not check_model(model, rng.standard_normal((2, 4))).passed


WRONG = {
    "no symbols": (lambda: Model(Dense(2), Dense(2)), TypeError, "must be symbols"),
    "call": (
        lambda: type("Net", (Model,), {})(),
        TypeError,
        "needs inputs and outputs",
    ),
    "not connected": (
        lambda: Model(Input((2,)), Dense(2)(Input((2,), name="b"))),
        ValueError,
        "'b'>, which is not among the inputs",
    ),
    "unused input": (
        lambda: (lambda a, b: Model([a, b], Dense(2)(a)))(
            Input((2,)), Input((3,), name="b")
        ),
        ValueError,
        "'b'> leads to none of the outputs",
    ),
    "names": (
        lambda: (lambda a: Model(a, Dense(2, name="d")(Dense(2, name="d")(a))))(
            Input((2,))
        ),
        ValueError,
        "two layers are named 'd'",
    ),
    "one layer, two shapes": (
        lambda: (lambda d: (d(Input((2,))), d(Input((3,)))))(Dense(2)),
        ValueError,
        "was built for x of shape (N, 2), got (N, 3)",
    ),
    "too many": (
        lambda: Dense(2)([Input((2,)), Input((2,))]),
        TypeError,
        "takes one input, got 2: (N, 2), (N, 2)",
    ),
    "clash": (
        lambda: Add()([Input((4, 4, 3)), Input((4, 4, 2))]),
        ValueError,
        "(N, 4, 4, 3)",
    ),
    "number": (lambda: float(Input((2,))), TypeError, "no values yet"),
    "array": (lambda: np.ones(5) * Input((2,)), ValueError, "multiply cannot take"),
    "number among": (lambda: Add()([Input((2,)), 3.0]), TypeError, "float among them"),
    "weights too early": (
        lambda: (lambda d: (d(Input((2,))), d.get_weights()))(Dense(2)),
        RuntimeError,
        "has no weights yet",
    ),
    "numbers too early": (
        lambda: (lambda d: (d(Input((2,))), d(np.ones((1, 2)))))(Dense(2)),
        RuntimeError,
        "is not built",
    ),
    "x by other names": (
        lambda: shared().predict({"left": 1, "up": 2}),
        ValueError,
        "x with the names of the model's inputs, 'left', 'right'; got 'left', 'up'",
    ),
    "x, not enough": (
        lambda: shared().predict([np.ones((2, *IMAGE))]),
        ValueError,
        "x must hold 2 arrays",
    ),
    "x, other counts": (
        lambda: shared().predict([np.ones((2, *IMAGE)), np.ones((3, *IMAGE))]),
        ValueError,
        "equally many samples, got 'left' 2, 'right' 3",
    ),
    "x, another shape": (
        lambda: shared().predict([np.ones((2, *IMAGE)), np.ones((2, 3))]),
        ValueError,
        "the input 'right': this model takes x of shape (N, 8, 6, 2)",
    ),
    "losses of other names": (
        lambda: two_ends().compile("sgd", {"kid": "mse"}),
        ValueError,
        "loss names 'kid', but the outputs of the model are 'kind', 'size'",
    ),
    "weights of other names": (
        lambda: two_ends().compile("sgd", "mse", {"a": 1.0}),
        ValueError,
        "loss_weights names 'a'",
    ),
    "metrics of one": (
        lambda: two_ends().compile("sgd", "mse", metrics=["mae"]),
        ValueError,
        "a list with an entry for each output",
    ),
    "no loss": (
        lambda: two_ends().compile("sgd", {}),
        ValueError,
        "a loss for at least one of the outputs kind, size",
    ),
    "loss_weights for one": (
        lambda: skips().compile("sgd", "mse", [0.5]),
        ValueError,
        "loss_weights are only for models with several outputs",
    ),
    "several in a row": (
        lambda: Sequential([shared(), Dense(2)]),
        ValueError,
        "has several inputs",
    ),
}


@pytest.mark.parametrize("make, kind, text", WRONG.values(), ids=WRONG)
def test_errors(make, kind, text):
    with pytest.raises(kind) as caught:
        make()
    assert text in str(caught.value)


def test_targets_that_do_not_fit(rng):
    model = two_ends()
    model.compile("sgd", LOSSES)
    x = rng.standard_normal((4, 4))
    for y, text in (
        ({"kind": np.zeros(4)}, "expected y with the names of the model's outputs, "),
        ([np.zeros(4)], "y must hold 2 arrays"),
        ([np.zeros(4, int), np.zeros((4, 2))], "the output 'size': "),
        ([np.full(4, 9), np.zeros((4, 1))], "the output 'kind': "),
    ):
        with pytest.raises(ValueError) as caught:
            model.fit(x, y, verbose=0)
        assert text in str(caught.value)
    with pytest.raises(TypeError, match="class_weight is only for models with one"):
        model.fit(x, ends(4, rng), class_weight={0: 1.0}, verbose=0)


def test_files_that_were_changed(tmp_path):
    """No loop, no place that is not there, no layer that leads nowhere is made."""
    config = skips().get_config()
    from_config = Model.from_config
    assert from_config(config).output_shape == (None, 3)
    for change in (
        lambda c: c["uses"][0][1].__setitem__(0, [5, 0]),
        lambda c: c["uses"][0][1].__setitem__(0, [0, 3]),
        lambda c: c["uses"][0].__setitem__(0, 99),
        lambda c: c["outputs"].__setitem__(0, [2, 0]),
        lambda c: c["outputs"].__setitem__(0, [-1, 0]),
        lambda c: c["inputs"].__setitem__(0, [1, [8, 6, 2]]),
        lambda c: c["uses"].append([0, []]),
        lambda c: c["uses"].append("x"),
    ):
        wrong = copy.deepcopy(config)
        change(wrong)
        with pytest.raises((ValueError, TypeError, IndexError)):
            from_config(wrong)
    assert issubclass(ModelFileError, Exception)


def test_a_layer_is_dropped_with_its_symbols():
    """Nothing global holds a graph that nobody has any more."""
    import gc
    import weakref

    layer = Dense(3)
    layer(Input((2,)))
    seen = weakref.ref(layer)
    del layer
    gc.collect()
    assert seen() is None


def test_activations_at_the_end_of_a_graph(rng):
    """A softmax whose value another output takes, too, is not cut off."""
    x = Input((4,))
    p = Dense(3, "softmax")(x)
    model = Model(x, [p, Activation("relu")(p)], dtype="float64", seed=2)
    model.compile("sgd", ["categorical_crossentropy", "mse"])
    y = np.eye(3)[[0, 1, 2, 1]]
    report = check_model(model, rng.standard_normal((4, 4)), [y, y])
    assert report.passed, report
