"""What a beginner forgets in a layer: one error, with the layer's name and the mend."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sora_np import gradcheck
from sora_np.layers import Add, Dense, Layer
from sora_np.models import Sequential, clone_model, load_model

X = np.random.default_rng(0).standard_normal((8, 3)).astype(np.float32)


class Scale(Layer):
    """y = w x, by the public names alone; right in every way."""

    def __init__(self, start=1.0, **options):
        super().__init__(**options)
        self.start = start

    def build(self, input_shape, rng, dtype):
        super().build(input_shape, rng, dtype)
        self.add_weight(input_shape, "ones", name="w")
        self.params["w"] *= self.start
        return input_shape

    def forward(self, x, *, training=False):
        x = self.check_input(x)
        y = x * self.params["w"]
        if training:
            self.remember(y, x)
        return y

    def backward(self, dy):
        dy, x = self.recall(dy)
        self.grads["w"] = (dy * x).sum(axis=0)
        return dy * self.params["w"]


def own(**methods):
    return type("Own", (Scale,), methods)


def trained(layer):
    model = Sequential([Dense(3), layer, Dense(3)])
    model.compile("sgd", "mse")
    model.fit(X, X, verbose=0)
    return model


def saved(layer, path):
    model = Sequential([layer])
    model.build((None, 3))
    model.save(path)
    return load_model(path, {type(layer).__name__: type(layer)})


# --- the public names ------------------------------------------------------------


def test_a_layer_of_public_names_learns():
    assert gradcheck.check_layer(Scale(2.0), X).passed
    layer = trained(Scale(2.0)).layers[1]
    assert (layer.params["w"] != 2).all()


class Weighing(Layer):
    """Only makes weights."""

    def __init__(self, make, **options):
        super().__init__(**options)
        self.make = make

    def build(self, input_shape, rng, dtype):
        super().build(input_shape, rng, dtype)
        self.made = self.make(self, rng)
        return input_shape

    def forward(self, x, *, training=False):
        return x


def built(make):
    layer = Weighing(make)
    layer(X)
    return layer


def test_add_weight_as_in_keras():
    layer = built(
        lambda s, rng: [
            s.add_weight((3, 2), name="kernel", rng=rng, regularizer="l2"),
            s.add_weight(2, "zeros", name="bias", constraint="non_neg"),
            s.add_weight(name="mean", initializer="ones", trainable=False),
        ]
    )
    kernel, bias, mean = layer.made
    assert layer.params["kernel"] is kernel and layer.params["bias"] is bias
    assert layer.state["mean"] is mean and mean.shape == () and mean == 1
    assert (kernel.shape, bias.shape) == ((3, 2), (2,))
    assert {a.dtype for a in layer.made} == {np.dtype(np.float32)}
    assert [*layer.grads] == ["kernel", "bias"] and not layer.grads["kernel"].any()
    expected = np.random.default_rng(0).uniform(-1, 1, (3, 2)) * np.sqrt(6 / 5)
    np.testing.assert_allclose(kernel, expected, rtol=1e-6)
    assert type(layer.kernel_regularizer).__name__ == "L2"
    assert type(layer.bias_constraint).__name__ == "NonNeg"


def test_a_regularizer_of_add_weight_penalises():
    class Penalised(Scale):
        def build(self, input_shape, rng, dtype):
            Layer.build(self, input_shape, rng, dtype)
            self.add_weight(input_shape, "ones", name="w", regularizer="l2")
            return input_shape

    losses = []
    for layer in (Scale(), Penalised()):
        model = Sequential([layer])
        model.compile("sgd", "mse")
        losses.append(model.evaluate(X, X, verbose=0))
    np.testing.assert_allclose(losses, [0, 0.01 * 3], rtol=1e-6)


@pytest.mark.parametrize(
    "make, error, text",
    [
        (
            lambda s, rng: s.add_weight((3,), name="w"),
            TypeError,
            r"add_weight of Weighing 'weighing': the initialiser of w draws .*rng=rng",
        ),
        (
            lambda s, rng: [s.add_weight((3,), "zeros", name="w") for _ in "ab"],
            ValueError,
            "Weighing 'weighing' already has a weight 'w': give each weight",
        ),
        (
            lambda s, rng: s.add_weight((3,), "zeroes", name="w"),
            ValueError,
            "unknown initializer 'zeroes'; did you mean 'zeros'",
        ),
        (
            lambda s, rng: s.add_weight((3, 0), "zeros", name="w"),
            ValueError,
            "positive",
        ),
    ],
    ids=["no-rng", "twice", "misspelt", "empty"],
)
def test_add_weight_says_what_is_wrong(make, error, text):
    with pytest.raises(error, match=text):
        built(make)


def test_recall_before_a_forward_in_training():
    layer = Scale()
    layer(X)
    with pytest.raises(RuntimeError, match="Scale 'scale' needs a forward.x, training"):
        layer.backward(X)
    layer(X, training=True)
    with pytest.raises(ValueError, match=r"dy of shape \(8, 3\), .*got \(2, 3\)"):
        layer.backward(X[:2])


def test_check_input_says_both_shapes():
    layer = Scale()
    with pytest.raises(RuntimeError, match="Scale 'scale' is not built"):
        layer.forward(X)
    layer(X)
    with pytest.raises(ValueError, match=r"shape \(N, 3\), got \(8, 2\)"):
        layer.forward(X[:, :2])
    with pytest.raises(ValueError, match="forget the batch axis"):
        layer.forward(X[0])


# --- what is forgotten, in the methods ------------------------------------------


class EarlyItem(Layer):
    def __init__(self):
        self.params["w"] = np.ones(3)
        super().__init__()


class EarlyTable(Layer):
    def __init__(self):
        self.params = {"w": np.ones(3)}
        super().__init__()


@pytest.mark.parametrize(
    "make, text",
    [
        (EarlyItem, r"self.params\['w'\] = ... comes before super\(\).__init__"),
        (EarlyTable, r"EarlyTable.__init__ must begin with super\(\).__init__.*before"),
        (own(__init__=lambda self: None), r"Own.__init__ must begin with super\(\)."),
    ],
    ids=["item", "table", "never"],
)
def test_no_or_late_super_init(make, text):
    with pytest.raises(RuntimeError, match=text):
        Sequential([make()])


def grow(self, x, *, training=False):
    return np.concatenate([x, x], axis=1)


def in_place(self, x, *, training=False):
    x *= 2
    return x


def changing(self, x, *, training=False):
    self.params["w"] *= 0.9
    return Scale.forward(self, x, training=training)


FORGOTTEN = {
    "training": (
        {"forward": lambda self, x: x},
        r"forward of Own 'own' must be def forward\(self, x, \*, training=False\), "
        r"got def forward\(self, x\)",
    ),
    "backward-x": (
        {"backward": lambda self, x, dy: dy},
        r"backward of Own 'own' must be def backward\(self, dy\), got def backward\("
        r"self, x, dy\)",
    ),
    "shape": ({"forward": grow}, r"got \(8, 6\): build returned the expected shape"),
    "batch": (
        {"forward": lambda s, x, training=False: x[:1]},
        r"got \(1, 3\): the first axis is the batch, and its size must not change",
    ),
    "dx": (
        {"backward": lambda s, dy: Scale.backward(s, dy)[:, :1]},
        r"got \(8, 1\): dx has the shape of x",
    ),
    "params": (
        {"forward": changing},
        r"forward of Own 'own' changes params\['w'\], which only the optimiser may",
    ),
    "forward-misspelt": (
        {"forward": Layer.forward, "foward": Scale.forward},
        "Own must define forward; it defines foward",
    ),
    "call": (
        {"forward": Layer.forward, "call": Scale.forward},
        "Own must define forward, which is what Keras names call",
    ),
    "no-backward": ({"backward": Layer.backward}, "Own must define backward"),
    "attribute": (
        {"forward": lambda s, x, training=False: x * s.scale},
        "'Own' object has no attribute 'scale': is self.scale set in __init__, in buil",
    ),
}


@pytest.mark.parametrize("methods, text", FORGOTTEN.values(), ids=FORGOTTEN)
def test_what_is_forgotten_is_said(methods, text):
    errors = TypeError, ValueError, NotImplementedError, AttributeError
    with pytest.raises(errors, match=text):
        trained(own(**methods)())


def test_several_inputs_are_in_the_signature_that_is_said():
    class Both(Layer):
        takes_several = True

        def forward(self, x, *, training=False):
            return x

    with pytest.raises(TypeError, match=r"def forward\(self, x0, x1, \*, training=Fal"):
        Both()([X, X])


@pytest.mark.parametrize(
    "forward, text",
    [
        (lambda s, x, training=False: None, "got None: does it end with a return"),
        (lambda s, x, training=False: [1.0], r"array of shape \(8, ...\), got"),
        (lambda s, x, training=False: x[:2], r"got an array of shape \(2, 3\)"),
        (in_place, "forward of Own 'own' changes x in place"),
    ],
    ids=["none", "list", "batch", "in-place"],
)
def test_a_layer_called_by_hand_says_it_too(forward, text):
    with pytest.raises((TypeError, ValueError), match=text):
        own(forward=forward)()(X)


def test_a_layer_called_by_hand_is_looked_at_once():
    """The look copies x: a layer that wraps others calls them for every batch."""

    def later(self, x, *, training=False):
        self.calls = getattr(self, "calls", 0) + 1
        return x if self.calls == 1 else in_place(self, x)

    layer, x = own(forward=later)(), X.copy()
    layer(x)
    layer(x)
    assert_array_equal(x, 2 * X)


def test_a_second_build_begins_anew():
    """With super().build or without it, for the same shape."""

    class Alone(Scale):
        def build(self, input_shape, rng, dtype):
            self.params["w"] = np.full(input_shape, self.start)
            return input_shape

    for layer in (Scale(2.0), Alone(2.0)):
        trained(layer)
        assert (layer.params["w"] != 2).all()
        layer.build((3,), np.random.default_rng(0), np.float32)
        assert_array_equal(layer.params["w"], 2)


def test_an_array_that_there_is_not_is_named():
    with pytest.raises(KeyError, match="no array has the name 'v', the names are: w"):
        trained(Scale()).layers[1].params["v"]
    with pytest.raises(KeyError, match="none: is the layer built?"):
        Scale().params["w"]


def test_layers_of_this_package_are_not_looked_at():
    layer = Dense(2)
    layer(X)
    Add()([X, X])
    assert not layer._proven


@pytest.mark.parametrize(
    "value, text",
    [
        (None, "build of Own 'own': w is missing: expected an array, got None"),
        ("ones", "build of Own 'own': w must be numbers, got text"),
        (Dense(2), "build of Own 'own': w must be an array, got Dense"),
        ({"a": 1}, "build of Own 'own': w must be an array"),
    ],
    ids=["none", "text", "layer", "dictionary"],
)
def test_parameters_that_are_no_arrays(value, text):
    def build(self, input_shape, rng, dtype):
        Layer.build(self, input_shape, rng, dtype)
        self.params["w"] = value
        return input_shape

    with pytest.raises((TypeError, ValueError), match=text):
        trained(own(build=build)())


def counting(self, x, *, training=False):
    self.calls = getattr(self, "calls", 0) + 1
    return Scale.forward(self, x, training=training) * self.calls


def drawing(self, x, *, training=False):
    y = Scale.forward(self, x, training=training)
    return y * np.random.default_rng().random()


@pytest.mark.parametrize("forward", [counting, drawing])
def test_a_forward_with_side_effects_is_said_by_gradcheck(forward):
    text = "two forward passes of Own 'own' .*, and forward must change no attribute th"
    with pytest.raises(ValueError, match=text):
        gradcheck.check_layer(own(forward=forward)(), X)


# --- what is forgotten, in get_config -------------------------------------------


def config(change):
    return own(get_config=lambda self: change(Scale.get_config(self)))


class Renamed(Scale):
    """Keeps its argument under another name, though its get_config calls super's."""

    def __init__(self, start=1.0, **options):
        Layer.__init__(self, **options)
        self.begin = start

    def build(self, input_shape, rng, dtype):
        Layer.build(self, input_shape, rng, dtype)
        self.add_weight(input_shape, "ones", name="w")
        return input_shape

    def get_config(self):
        return super().get_config()


class Doubling(Scale):
    def __init__(self, start=1.0, **options):
        super().__init__(2 * start, **options)


class Closed(Scale):
    """Takes its own argument alone."""

    def __init__(self, start=1.0):
        super().__init__(start)


CONFIGS = {
    "renamed": (
        Renamed,
        "get_config of Renamed 'renamed' leaves out 'start', an argument of __init__",
    ),
    "none": (config(lambda c: None), "get_config of Own 'own' must return a dictionar"),
    "array": (config(lambda c: c | {"start": np.ones(3)}), r"return start.tolist\(\)"),
    "function": (config(lambda c: c | {"start": np.sum}), "return its name"),
    "unknown": (
        config(lambda c: c | {"begin": 3}),
        "get_config of Own 'own' does not make a layer: .*unexpected .*'begin'",
    ),
    "not-taken": (
        type("Own", (Closed,), {"get_config": lambda s: {"start": 1.0, "begin": 3}}),
        "has 'begin', which __init__ does not take; it takes start",
    ),
    "changed": (
        Doubling,
        "returns start=4.0, but a layer made from that has start=8.0: keep the arg",
    ),
}


@pytest.mark.parametrize("cls, text", CONFIGS.values(), ids=CONFIGS)
def test_a_configuration_that_makes_no_equal_layer_is_refused(cls, text, tmp_path):
    with pytest.raises((TypeError, ValueError), match=text):
        saved(cls(2.0), tmp_path / "m.npz")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    "start, text",
    [
        (np.ones(3), r"Scale\(start=...\): an array \(3,\) cannot be written .* list"),
        ({1, 2}, r"Scale\(start=...\): {1, 2} cannot be written to a configuration"),
        (lambda x: x, r"Scale\(start=...\): the function .* cannot be written"),
    ],
    ids=["array", "set", "function"],
)
def test_an_argument_that_no_file_holds_is_named(start, text):
    with pytest.raises(TypeError, match=text):
        clone_model(Sequential([Scale(start)]))


@pytest.mark.filterwarnings("ignore:never registered")
@pytest.mark.parametrize("given", [{}, {"name": "mine"}])
def test_a_configuration_of_own_arguments_alone_keeps_the_rest(given, tmp_path):
    class Alone(Scale):
        def get_config(self):
            return {"start": self.start}

    layer = Alone(2.5, **given)
    layer.trainable = False
    again = saved(layer, tmp_path / "m.npz").layers[0]
    assert (again.name, again.trainable, again.start) == (layer.name, False, 2.5)
    assert_array_equal(again.params["w"], 2.5)
    copy = clone_model(Sequential([Alone(3.0, input_shape=(3,))])).layers[0]
    assert (copy.start, copy.declared_shape) == (3.0, (3,))
