"""Models that are classes of a user's own, whose ``call`` is traced."""

import copy
import pickle

import numpy as np
import pytest

from sora_np import keras
from sora_np.keras import layers


class Residual(keras.Model):
    """Dense layers with a way around one of them."""

    def __init__(self, width=8, **options):
        super().__init__(**options)
        self.first = layers.Dense(width, activation="relu")
        self.second = layers.Dense(width)
        self.sum = layers.Add()
        self.drop = layers.Dropout(0.3)
        self.top = layers.Dense(3, activation="softmax")

    def call(self, inputs, training=False):
        x = self.first(inputs)
        x = self.sum([x, self.second(x)])
        x = self.drop(x, training=training)
        return self.top(x)


class Pair(keras.Model):
    def __init__(self, outputs=1):
        super().__init__()
        self.heads = [layers.Dense(1, name=f"head{k}") for k in range(outputs)]
        self.join = layers.Concatenate()

    def call(self, inputs):
        a, b = inputs
        h = self.join([a, b])
        found = [head(h) for head in self.heads]
        return found[0] if len(found) == 1 else found


X, Y = (
    np.random.default_rng(0).normal(size=(24, 5)).astype("float32"),
    np.arange(24) % 3,
)


def test_it_is_the_graph_that_symbols_make():
    """Same layers, same weights, same training, bit for bit."""
    x = keras.Input((5,))
    h = layers.Dense(8, activation="relu")(x)
    h = layers.Add()([h, layers.Dense(8)(h)])
    graph = keras.Model(x, layers.Dense(3, "softmax")(layers.Dropout(0.3)(h)))
    model = Residual()
    for one in (graph, model):
        one.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        one.fit(X, Y, epochs=3, verbose=0)
    assert model.history.history == graph.history.history
    assert model.count_params() == graph.count_params() == 48 + 72 + 27
    np.testing.assert_array_equal(
        model.predict(X, verbose=0), graph.predict(X, verbose=0)
    )
    assert model.first.kernel.shape == (5, 8) and model.name == "residual"


def test_the_shape_comes_from_build_or_data_or_symbols():
    built = Residual()
    built.build((None, 5))
    given = Residual()
    given.predict(X, verbose=0)
    called = Residual()
    called(keras.Input((5,)))
    held = keras.Sequential([Residual(name="inner"), layers.Dense(2)])
    held.build((None, 5))
    for model in (built, given, called, held.layers[0]):
        assert model.built and model.input_shape == (None, 5)
    assert held.count_params() == 147 + 8
    with pytest.raises(ValueError, match=r"not known: call build\(\(None, ...\)\)"):
        Residual().count_params()


def test_files_and_copies(tmp_path):
    model = Residual(name="mine")
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "m.npz")
    made = [
        keras.models.load_model(tmp_path / "m.npz"),
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
    ]
    for one in made:
        one.fit(X, Y, initial_epoch=0, verbose=0)
    model.fit(X, Y, verbose=0)
    for one in made:
        assert np.array_equal(one.predict(X, verbose=0), model.predict(X, verbose=0))
    unbuilt = pickle.loads(pickle.dumps(Residual()))
    assert unbuilt.predict(X, verbose=0).shape == (24, 3)


def test_several_inputs_and_outputs():
    model = Pair(outputs=2)
    model.build([(None, 3), (None, 4)])
    model.compile("sgd", loss={"head0": "mse", "head1": "mae"})
    a, b, y = np.ones((6, 3)), np.ones((6, 4)), np.zeros((6, 1))
    model.fit([a, b], [y, y], verbose=0)
    assert [p.shape for p in model.predict([a, b], verbose=0)] == [(6, 1)] * 2
    late = Pair(outputs=2)
    late.compile("sgd", "mse")
    late.build([(None, 3), (None, 4)])
    late.fit([a, b], [y, y], verbose=0)
    assert {"loss", "head0_loss", "head1_loss"} == {*late.history.history}


def test_frozen():
    model = Residual(trainable=False)
    model.build((None, 5))
    assert not model.trainable and not model.first.trainable


class Computes(Residual):
    def call(self, inputs):
        return np.fmod(self.top(inputs), 2)


class Numbers(Residual):
    def call(self, inputs):
        return np.zeros(3)


class Nothing(keras.Model):
    pass


class Steps(Residual):
    def train_step(self, data):
        return {}


WRONG = {
    "computes": (lambda: Computes().build((None, 5)), "Lambda"),
    "numbers": (lambda: Numbers().build((None, 5)), "must be symbols"),
    "nothing": (Nothing, r"defines call\(self, x\)"),
    "half": (lambda: Residual(inputs=keras.Input((5,))), "needs inputs and outputs"),
    "steps": (Steps, "train_step, which sora_np does not call"),
}


@pytest.mark.parametrize("make, text", WRONG.values(), ids=WRONG)
def test_what_cannot_be_traced(make, text):
    with pytest.raises(TypeError, match=text):
        make()


class Hits(keras.metrics.Metric):
    """As in Keras's guide: variables that are added to, and reset by themselves."""

    def __init__(self, name="hits", **options):
        super().__init__(name=name, **options)
        self.total = self.add_weight("total", initializer="zeros")
        zeros = keras.initializers.Zeros()
        self.by_class = self.add_weight((2,), zeros, name="by_class")

    def update_state(self, y_true, y_pred, sample_weight=None):
        hit = keras.ops.equal(y_true, keras.ops.argmax(y_pred, axis=-1))
        self.total.assign_add(keras.ops.sum(keras.ops.cast(hit, "float32")))
        self.by_class.assign_add([1.0, 2.0])

    def result(self):
        return self.total


class Reset(Hits):
    def reset_state(self):
        self.total.assign(0.0)


@pytest.mark.parametrize("kind", [Hits, Reset])
def test_a_metric_with_variables(kind):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 5)), rng.integers(0, 2, 40)
    model = keras.Sequential([keras.Input((5,)), layers.Dense(2, "softmax")])
    metric = kind()
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=[metric, "acc"])
    logs = model.fit(x, y, epochs=3, verbose=0, validation_data=(x, y)).history
    assert logs["hits"] == [pytest.approx(40 * acc) for acc in logs["acc"]]
    assert type(logs["hits"][0]) is float
    state = metric.get_state()
    other = kind()
    other.set_state(state)
    assert other.result() == metric.result() and other.total is not metric.total
    if kind is Hits:
        other.reset_state()
        assert other.by_class.numpy().tolist() == [0, 0]
    with pytest.raises(ValueError, match="initializer"):
        metric.add_weight(initializer="random")
