"""Layers of one's own: they learn, or one error says by their name what is wrong."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sora_np import gradcheck
from sora_np.layers import Dense, Layer
from sora_np.models import Sequential, load_model
from sora_np.optimizers import SGD


class Scale(Layer):
    """y = w x, right in every way; what is below breaks one promise each."""

    def build(self, input_shape, rng, dtype):
        super().build(input_shape, rng, dtype)
        self.params["w"] = np.ones(input_shape, dtype)
        return input_shape

    def forward(self, x, *, training=False):
        x = self.check_input(x)
        if training:
            self.remember(x, x)
        return x * self.params["w"]

    def backward(self, dy):
        dy, x = self.recall(dy)
        self.write(np.sum(dy * x, axis=0), dy * x)
        return dy * self.params["w"]

    def write(self, dw, each):
        self.grads["w"] = dw


def own(**methods):
    """Return a layer with some methods replaced."""
    return type("Own", (Scale,), methods)()


def after_build(change):
    """Return a ``build`` that ends with what ``change(layer, shape)`` does."""

    def build(self, input_shape, rng, dtype):
        Layer.build(self, input_shape, rng, dtype)
        return change(self, input_shape)

    return build


def make_dictionary(layer, shape):
    layer.params, layer.state = {"w": np.ones(shape)}, {}  # float64, by the way
    return shape


def make_whole_numbers(layer, shape):
    layer.params = {"w": np.ones(shape, int)}
    return list(shape)


def build_alone(self, input_shape, rng, dtype):
    self.params["w"] = np.ones(input_shape)
    return input_shape


def y_of(change):
    return lambda self, x, training=False: change(
        Scale.forward(self, x, training=training)
    )


def dx_of(change):
    return lambda self, dy: change(Scale.backward(self, dy))


def replace_state(self, x, training=False):
    self.state = {"seen": self.state["seen"] + training}
    return Scale.forward(self, x, training=training)


def make_seen(layer, shape):
    layer.params["w"], layer.state["seen"] = np.ones(shape), np.zeros((), int)
    return shape


def make_number(layer, shape):
    layer.params["w"] = 1.0
    return shape


RIGHT = {
    "plain": {},
    "grads-rebound": {"write": lambda s, dw, _: setattr(s, "grads", {"w": dw})},
    "grads-updated": {"write": lambda s, dw, _: s.grads.update(w=dw)},
    "grads-joined": {"write": lambda s, dw, _: s.grads.__ior__({"w": dw})},
    "params-rebound": {"build": after_build(make_dictionary)},
    "params-of-whole-numbers": {"build": after_build(make_whole_numbers)},
    "build-without-super": {"build": build_alone},
    "state-rebound": {"build": after_build(make_seen), "forward": replace_state},
    "float64": {
        "forward": y_of(lambda y: y.astype(float)),
        "backward": dx_of(lambda dx: dx.astype(float)),
    },
}
X = np.random.default_rng(0).standard_normal((8, 3)).astype(np.float32)
Y = X * [1, -2, 3]


def trained(layer, fuse=True):
    model = Sequential([Dense(3, input_shape=(3,)), layer])
    model.compile(SGD(0.1), "mse", fuse=fuse)
    model.fit(X, Y, 4, epochs=2, shuffle=False, verbose=0)
    return model


def by_hand():
    """Return the weights after two epochs in NumPy alone: y = w (x k + b)."""
    k = Sequential([Dense(3, input_shape=(3,))]).get_weights()[0]
    b, w = np.zeros(3), np.ones(3)
    for part in [slice(0, 4), slice(4, 8)] * 2:
        x, z = X[part], X[part] @ k + b
        dy = 2 * (w * z - Y[part]) / Y[part].size
        dw, dz = np.sum(dy * z, axis=0), dy * w
        k, b, w = k - 0.1 * x.T @ dz, b - 0.1 * dz.sum(axis=0), w - 0.1 * dw
    return k, b, w


def test_a_number_as_a_parameter():
    layer = own(
        build=after_build(make_number),
        write=lambda s, dw, _: s.grads["w"].fill(dw.sum()),
    )
    assert gradcheck.check_layer(layer, X.astype(float)).passed
    assert trained(layer).layers[1].params["w"] != 1


@pytest.mark.parametrize("fuse", [True, False], ids=["plan", "list"])
@pytest.mark.parametrize("methods", RIGHT.values(), ids=RIGHT)
def test_a_right_layer_learns(methods, fuse):
    model = trained(own(**methods), fuse)
    for weights, expected in zip(model.get_weights(), by_hand(), strict=False):
        assert_allclose(weights, expected, rtol=1e-5, atol=1e-6)
    assert {w.dtype for w in model.get_weights()} == {np.dtype(np.float32)}
    assert gradcheck.check_layer(own(**methods), X.astype(float)).passed
    if "state" in model.layers[1].state:
        assert model.layers[1].state["seen"] == 4


def keep_alone(layer, shape):
    layer.w = [np.ones(shape)]
    return shape


def late(self, x, training=False):
    self.params["v"] = np.ones(3)
    return Scale.forward(self, x, training=training)


def in_place(self, x, training=False):
    y = Scale.forward(self, x.copy(), training=training)
    x *= 2
    return y


def dy_in_place(self, dy):
    dx = Scale.backward(self, dy.copy())
    dy[...] = 2 * dx
    return dy


def cleared(self, dw, each):
    self.grads.clear()
    self.grads["w"] = dw


def early(self):
    Layer.__init__(self)
    self.params["w"] = np.ones(3)


def complex_params(layer, shape):
    layer.params["w"] = np.ones(shape) * 1j
    return shape


def no_shape(layer, shape):
    layer.params["w"] = np.ones(shape)


def odd_grads(layer, shape):
    layer.params["w"], layer.grads["w"] = np.ones(shape), np.zeros(())
    return shape


SHAPE = r"must return y of shape \(4, 3\), got "
DX = r"backward of Own 'own' must return dx"
WRONG = {
    "y-list": ({"forward": y_of(np.ndarray.tolist)}, r"y, .* \(4, 3\), got li"),
    "y-none": ({"forward": y_of(lambda y: None)}, "got None: does it end with a re"),
    "y-objects": ({"forward": y_of(lambda y: y.astype(object))}, "got object"),
    "y-batch": ({"forward": y_of(lambda y: y[:1])}, SHAPE + r"\(1, 3\)"),
    "y-shape": ({"forward": y_of(lambda y: y[:, :1])}, SHAPE + r"\(4, 1\)"),
    "x-in-place": ({"forward": in_place}, "changes x in place"),
    "late": ({"forward": late}, "build made no array 'v', its names are: w"),
    "dx-summed": (
        {"backward": dx_of(lambda dx: dx.sum(axis=1, keepdims=True))},
        DX + r" of shape \(4, 3\), got \(4, 1\)",
    ),
    "dx-one": ({"backward": dx_of(lambda dx: dx[:1])}, DX + r".*\(1, 3\)"),
    "dx-none": ({"backward": dx_of(lambda dx: None)}, DX + ".* got None"),
    "dx-list": ({"backward": dx_of(np.ndarray.tolist)}, DX + ".* got list"),
    "dx-complex": ({"backward": dx_of(lambda dx: dx * 1j)}, "got complex64"),
    "dx-whole": ({"backward": dx_of(lambda dx: dx.astype(int))}, "got int64"),
    "dy-in-place": ({"backward": dy_in_place}, "changes dy in place"),
    "dw-shape": (
        {"write": lambda s, dw, each: s.grads.update(w=each)},
        r"w has shape \(3,\), cannot take \(4, 3\): .* sum over the axes that w lacks",
    ),
    "dw-row": (
        {"write": lambda s, dw, each: s.grads.update(w=dw[None])},
        r"w has shape \(3,\), cannot take \(1, 3\): .* write .reshape\(\(3,\)\)",
    ),
    "dw-complex": ({"write": lambda s, dw, _: s.grads.update(w=dw * 1j)}, "complex64"),
    "dw-missing": ({"write": lambda s, dw, _: None}, r"overwrite all of grads\['w'\]"),
    "dw-added": (
        {"write": lambda s, dw, _: s.grads["w"].__iadd__(dw)},
        r"must overwrite all of grads\['w'\]",
    ),
    "dw-in-part": (
        {"write": lambda s, dw, _: s.grads["w"][:2].__setitem__(..., dw[:2])},
        r"must overwrite all of grads\['w'\]",
    ),
    "dw-misspelt": ({"write": lambda s, dw, _: s.grads.update(W=dw)}, "no array 'W'"),
    "dw-replaced": ({"write": cleared}, r"must not remove grads\['w'\]"),
    "grads-list": (
        {"write": lambda s, dw, _: setattr(s, "grads", [dw])},
        "grads of Own 'own' must be a dictionary, name -> array, got list",
    ),
    "no-shape": ({"build": after_build(no_shape)}, "got None: does it end with a r"),
    "shape-with-batch": (
        {"build": after_build(lambda s, shape: (None, *shape))},
        r"without the batch axis, .* got \(None, 3\)",
    ),
    "keras-build": (
        {"build": lambda s, shape: shape},
        "must take .input_shape, rng, d",
    ),
    "complex-params": (
        {"build": after_build(complex_params)},
        "build of Own 'own': w must be an array of real numbers",
    ),
    "odd-grads": (
        {"build": after_build(odd_grads)},
        r"grads\['w'\] .* has shape \(\), but params\['w'\] has shape \(3,\)",
    ),
    "early-params": (
        {"__init__": early, "build": after_build(lambda s, shape: shape)},
        "made its params .w. before build, which clears them",
    ),
    "no-init": ({"__init__": lambda self: None}, r"must begin with super\(\).__init__"),
}


@pytest.mark.parametrize("fuse", [True, False], ids=["plan", "list"])
@pytest.mark.parametrize("methods, text", WRONG.values(), ids=WRONG)
def test_a_broken_promise_is_one_error(methods, text, fuse):
    with pytest.raises((TypeError, ValueError, RuntimeError), match=text) as caught:
        trained(own(**methods), fuse)
    assert "Own" in str(caught.value)


def test_the_model_is_as_it_was_after_an_error():
    """The gradients too, in which the look at the first batch puts NaN."""
    model = Sequential([Dense(3, input_shape=(3,)), own(write=lambda *_: None)])
    model.compile(SGD(0.1), "mse")
    before = model.get_weights()
    with pytest.raises(ValueError, match="must overwrite all"):
        model.fit(X, Y, verbose=0)
    for array, was in zip(model.get_weights(), before, strict=True):
        assert_array_equal(array, was)
    assert_array_equal(model.layers[1].grads["w"], 0)


def test_a_shape_of_a_later_batch_is_seen():
    class Later(Scale):
        batches = 0

        def backward(self, dy):
            self.batches += 1
            return super().backward(dy)[: 1 if self.batches == 3 else None]

    with pytest.raises(ValueError, match="backward of Later 'later' must return dx"):
        trained(Later())


def test_frozen_layers_need_no_gradients():
    layer = own(write=lambda *_: None)
    layer.trainable = False
    assert np.isfinite(trained(layer).history.history["loss"]).all()
    layer.trainable = True
    model = Sequential([Dense(3), layer])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="must overwrite all"):
        model.fit(X, Y, verbose=0)


@pytest.mark.parametrize("where", ["build", "__init__"])
def test_weights_as_attributes_alone_bring_a_warning(where):
    def make(self):
        Layer.__init__(self)
        keep_alone(self, (3,))

    build = after_build(keep_alone if where == "build" else lambda s, shape: shape)
    methods = (
        {"build": build, "__init__": make} if where != "build" else {"build": build}
    )
    with pytest.warns(UserWarning, match="Own 'own' keeps the array w only as an att"):
        Sequential([own(**methods)]).build((None, 3))


def test_constants_and_what_is_carried_bring_none():
    def make(self, shape):
        self.table = np.ones(shape)
        self.table.setflags(write=False)
        self.order = np.arange(3)
        self.alias = self.state.setdefault("s", np.ones(3, np.float32))
        return shape

    class Own(Scale):
        build = after_build(make)

        def __init__(self, mean):
            super().__init__()
            self.mean = mean

    Sequential([Own(np.ones(3))]).build((None, 3))


def test_what_forward_keeps_brings_none_when_built_anew():
    class Keeping(Scale):
        def forward(self, x, *, training=False):
            self.x = x * 2
            return super().forward(x, training=training)

    layer = trained(Keeping()).layers[1]
    assert layer.x.shape == (4, 3)
    Sequential([Dense(3), layer]).build((None, 2))


class Aliased(Layer):
    """y = x k + b, of arrays that are attributes as well."""

    def build(self, input_shape, rng, dtype):
        super().build(input_shape, rng, dtype)
        self.both = rng.normal(size=(4, 3))  # float64
        self.params["both"] = self.both
        self.parts = {"k": self.both[:3], "b": self.both[3]}
        self.dboth = self.grads["both"] = np.zeros((4, 3))
        return (3,)

    def forward(self, x, *, training=False):
        self.x = x
        return x @ self.parts["k"] + self.parts["b"]

    def backward(self, dy):
        self.dboth[:3], self.dboth[3] = self.x.T @ dy, dy.sum(axis=0)
        return dy @ self.parts["k"].T


class Wrapping(Layer):
    """relu(x k + b) k' + b', by layers within."""

    def __init__(self, way):
        super().__init__()
        self.way, self.inner = way, [Dense(3, "relu"), Dense(3)]

    def build(self, input_shape, rng, dtype):
        super().build(input_shape, rng, dtype)
        if self.way == "one":
            del self.inner[1:]
        for k, layer in enumerate(self.inner):
            layer.build(input_shape, rng, dtype)
            if self.way == "one":
                self.params, self.grads = layer.params, layer.grads
                continue
            for name, array in layer.params.items():
                self.params[f"{name}_{k}"] = array
                self.grads[f"{name}_{k}"] = layer.grads[name]
        return input_shape

    def forward(self, x, *, training=False):
        for layer in self.inner:
            x = layer.forward(x, training=training)
        return x

    def backward(self, dy):
        for layer in self.inner[::-1]:
            dy = layer.backward(dy)
        return dy


OF_DENSE = {
    "attributes": (Aliased, [Dense(3)]),
    "one-inner": (lambda: Wrapping("one"), [Dense(3, "relu")]),
    "two-inner": (lambda: Wrapping("two"), [Dense(3, "relu"), Dense(3)]),
}


@pytest.mark.parametrize("make, dense", OF_DENSE.values(), ids=OF_DENSE)
def test_attributes_that_are_params_learn(make, dense, tmp_path):
    """As the Dense layers that they equal; from a file, too."""

    def fitted(layers, weights=None):
        model = Sequential([*layers, Dense(1)])
        model.build((None, 3))
        model.set_weights(weights or model.get_weights())
        model.compile("adam", "mse")
        model.fit(X, X.sum(axis=1), 4, epochs=3, shuffle=False, verbose=0)
        return model

    layer = make()
    start = Sequential([layer, Dense(1)])
    start.build((None, 3))
    given = start.get_weights()
    if make is Aliased:
        given = [given[0][:3], given[0][3], *given[1:]]
    expected = fitted(dense, given).predict(X, verbose=0)
    model = fitted([layer], start.get_weights())
    assert_allclose(model.predict(X, verbose=0), expected, rtol=1e-5, atol=1e-6)
    start.save_weights(tmp_path / "w.npz")
    model.load_weights(tmp_path / "w.npz")
    assert_array_equal(model.predict(X, verbose=0), start.predict(X, verbose=0))
    assert gradcheck.check_layer(make(), X.astype(float)).passed


def test_arrays_of_layers_within_that_are_copies_bring_a_warning():
    class Copying(Wrapping):
        def build(self, input_shape, rng, dtype):
            super().build(input_shape, rng, dtype)
            self.inner[0].params.put("kernel", np.ones((3, 3), dtype))
            return input_shape

    with pytest.warns(UserWarning, match="Copying 'copying' keeps the array inner on"):
        Sequential([Copying("two")]).build((None, 3))


def test_a_layer_of_ones_own_pickles(rng):
    layer = pickle.loads(pickle.dumps(Dense(2)))
    layer(rng.standard_normal((1, 3)))
    again = pickle.loads(pickle.dumps(layer))
    assert_array_equal(again.params["kernel"], layer.params["kernel"])


# --- files ----------------------------------------------------------------------------


class Keras(Scale):
    """As in Keras: its own argument, the rest handed on."""

    def __init__(self, start=1.0, **options):
        super().__init__(**options)
        self.start = start


class Bare(Scale):
    """Takes no name, and no trainable."""

    def __init__(self, start=1.0):
        super().__init__()
        self.start = start


class Described(Scale):
    """Says itself what made it."""

    def __init__(self, begin, **options):
        super().__init__(**options)
        self._start = begin

    @property
    def start(self):
        return self._start

    def get_config(self):
        return super().get_config() | {"start": self._start}

    @classmethod
    def from_config(cls, config):
        config = dict(config)
        return cls(config.pop("start"), **config)


class Wide(Dense):
    """Hands on what its parent takes, and gives it an activation itself."""

    def __init__(self, start, **options):
        super().__init__(3, activation="relu", **options)
        self.start = start


@pytest.mark.parametrize("cls", [Keras, Bare, Described, Wide])
def test_name_and_trainable_are_kept_in_a_file(cls, tmp_path):
    layers = [cls(2.5), cls(3.5)]
    layers[1].trainable = False
    if cls in (Keras, Wide):
        layers[0] = cls(2.5, name="first", input_shape=(3,))
    if cls is Wide:
        layers[0] = cls(2.5, name="first", use_bias=False, input_shape=(3,))
    model = Sequential(layers)
    model.build((None, 3))
    with pytest.warns(UserWarning, match="never registered"):
        model.save(tmp_path / "m.npz")
    again = load_model(tmp_path / "m.npz", {cls.__name__: cls})
    for mine, its in zip(model.layers, again.layers, strict=True):
        assert mine.get_config() == its.get_config()
        assert (mine.name, mine.trainable) == (its.name, its.trainable)
        assert mine.start == its.start and mine.declared_shape == its.declared_shape
    assert again.layers[1].trainable is False
    assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))


def test_an_argument_that_is_not_kept_is_named(tmp_path):
    class Own(Scale):
        def __init__(self, size, **options):
            super().__init__(**options)

    model = Sequential([Own(3, input_shape=(3,))])
    with pytest.raises(
        TypeError, match="Own 'own' cannot be described: .* parameter 'size'"
    ):
        model.save(tmp_path / "m.npz")
