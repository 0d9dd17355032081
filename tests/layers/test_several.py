"""Layers of one's own with several inputs: each promise holds for every input."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sora_np import gradcheck
from sora_np.engine import layer_by_layer
from sora_np.engine.graph import Graph, Node
from sora_np.layers import Add, Dense, Layer, Maximum, contract
from sora_np.saving.registry import layer_from_config


class Product(Layer):
    """y = w a b, right in every way; what is below breaks one promise each."""

    takes_several = True

    def build(self, input_shape, rng, dtype):
        a, _ = super().build(input_shape, rng, dtype)
        self.params["w"] = rng.standard_normal(a).astype(dtype)
        return a

    def forward(self, a, b, *, training=False):
        a, b = self.check_inputs([a, b])
        if training:
            self.remember(a, a, b)
        return self.params["w"] * a * b

    def backward(self, dy):
        dy, a, b = self.recall(dy)
        self.grads["w"] = np.sum(dy * a * b, axis=0)
        return dy * self.params["w"] * b, dy * self.params["w"] * a


A, B = np.random.default_rng(0).standard_normal((2, 4, 3)).astype(np.float32)


def own(**methods):
    """Return a layer with some methods replaced."""
    return type("Own", (Product,), methods)()


def run(layer, dtype=np.float32):
    """Let a graph run it on two layers' values, and back, as a model does."""
    nodes, shape, rng = [], (3,), np.random.default_rng(1)
    for k, (made, inputs) in enumerate(
        [(Dense(3), (0,)), (Dense(3), (0,)), (layer, (1, 2))]
    ):
        given = (shape, shape) if k == 2 else shape
        shape = contract.built(made, given, rng, dtype)
        nodes.append(Node(made, inputs, shape))
    values = layer_by_layer.forward(nodes, A.astype(dtype), training=True)
    whole = Graph(nodes, ((3,),), (len(nodes),))
    dx = layer_by_layer.backward(whole, [B.astype(dtype)], {})[0]
    return nodes, values, dx


def test_a_right_layer():
    """By hand: y = w (x k) (x m), so dk = x' (dy w (x m))."""
    nodes, values, dx = run(own(), np.float64)
    (k, m, w), x = [[*node.layer.params.values()][0] for node in nodes], values[0]
    assert_allclose(values[-1], w * (x @ k) * (x @ m))
    da, db = B * w * (x @ m), B * w * (x @ k)
    assert_allclose(nodes[0].layer.grads["kernel"], x.T @ da)
    assert_allclose(nodes[1].layer.grads["kernel"], x.T @ db)
    assert_allclose(nodes[2].layer.grads["w"], np.sum(B * (x @ k) * (x @ m), axis=0))
    assert_allclose(dx, da @ k.T + db @ m.T)
    assert gradcheck.check_layer(own(), [A, B]).passed


def test_of_the_models_own_inputs():
    """Both inputs are value 0, whose shape the layer alone knows."""
    layer = own()
    contract.built(layer, ((3,), (3,)), np.random.default_rng(0), np.float32)
    nodes = [Node(layer, (0, 0), (3,))]
    layer_by_layer.forward(nodes, A, training=True)
    w = layer.params["w"]
    (dx,) = layer_by_layer.backward(Graph(nodes, ((3,),), (1,)), [B], {})
    assert_allclose(dx, 2 * B * w * A, rtol=1e-6)


def test_dx_that_are_dy_are_added_up():
    """As in a sum of one's own that returns (dy, dy): nobody writes into them."""

    class Sum(Layer):
        takes_several = True

        def build(self, input_shape, rng, dtype):
            return super().build(input_shape, rng, dtype)[0]

        def forward(self, *xs, training=False):
            a, b = self.check_inputs(xs)
            if training:
                self.remember(a)
            return a + b

        def backward(self, dy):
            (dy,) = self.recall(dy)
            return dy, dy

    _, _, dx = run(Sum())
    _, _, expected = run(Add())
    assert_array_equal(dx, expected)


def y_of(change):
    return lambda self, a, b, training=False: change(
        Product.forward(self, a, b, training=training)
    )


def dx_of(change):
    return lambda self, dy: change(*Product.backward(self, dy))


def b_in_place(self, a, b, training=False):
    y = Product.forward(self, a, b.copy(), training=training)
    b *= 2
    return y


def dy_in_place(self, dy):
    dxs = Product.backward(self, dy.copy())
    dy *= 2
    return dxs


def no_gradient(self, dy):
    dy, a, b = self.recall(dy)
    return dy * b, dy * a


DX = r"backward of Own 'own' must return dx"
WRONG = {
    "y": ({"forward": y_of(lambda y: y[:1])}, r"must return y of shape \(4, 3\)"),
    "b-in-place": ({"forward": b_in_place}, "forward of Own 'own' changes x1 in place"),
    "dy-in-place": ({"backward": dy_in_place}, "changes dy in place"),
    "dx-alone": (
        {"backward": dx_of(lambda a, b: a)},
        DX + " as a tuple of 2 arr",
    ),
    "dx-list": ({"backward": dx_of(lambda a, b: [a, b])}, "got list"),
    "dx-three": ({"backward": dx_of(lambda a, b: (a, b, b))}, "got a tuple of 3"),
    "dx-shape": (
        {"backward": dx_of(lambda a, b: (a, b[:, :1]))},
        DX + r"1 of shape \(4, 3\), got \(4, 1\)",
    ),
    "dx-none": ({"backward": dx_of(lambda a, b: (None, b))}, DX + "0.* got None"),
    "dx-whole": (
        {"backward": dx_of(lambda a, b: (a, b.astype(int)))},
        DX + "1.*got int64",
    ),
    "dw": ({"backward": no_gradient}, r"must overwrite all of grads\['w'\]"),
    "build": (
        {"build": lambda s, shape, rng, dtype: None},
        "got None: does",
    ),
}


@pytest.mark.parametrize("methods, text", WRONG.values(), ids=WRONG)
def test_a_broken_promise_is_one_error(methods, text):
    with pytest.raises((TypeError, ValueError), match=text):
        run(own(**methods))


@pytest.mark.parametrize("shape", [(3,), ((3,), 3), (), None, "ab"], ids=repr)
def test_what_are_no_shapes(shape):
    for layer in (Add(), own()):
        with pytest.raises(TypeError, match="takes several inputs: its shape is a"):
            contract.built(layer, shape, np.random.default_rng(0), np.float32)


def test_a_configuration():
    config = {"class_name": "Product", "config": {"name": "p", "trainable": False}}
    layer = layer_from_config(config, {"Product": Product})
    assert (layer.name, layer.trainable) == ("p", False)
    described = layer.get_config()
    assert described == {**config["config"], "input_shape": None}
    layer([A, B])
    assert layer.get_config() == described


# --- the gradient check --------------------------------------------------------------


def test_every_input_has_its_number_in_a_report():
    report = gradcheck.check_layer(own(), (A, B), samples=None)
    assert [check.name for check in report] == ["x0", "x1", "w"]
    assert report.passed


@pytest.mark.parametrize("wrong", [0, 1])
def test_the_wrong_input_is_named(wrong):
    def scaled(*dxs):
        return tuple(dx * (1.5 if k == wrong else 1) for k, dx in enumerate(dxs))

    report = gradcheck.check_layer(own(backward=dx_of(scaled)), [A, B])
    assert [check.name for check in report if not check.passed] == [f"x{wrong}"]
    assert "1.5 times" in report[wrong].diagnosis


def test_what_the_check_refuses():
    for methods, error, text in (
        ({"forward": b_in_place}, ValueError, "Own 'own' changes x1 in place"),
        ({"backward": dx_of(lambda a, b: a)}, TypeError, "as a tuple of 2 arrays"),
        (
            {"backward": dx_of(lambda a, b: (a, b[:1]))},
            ValueError,
            "must return dx1",
        ),
    ):
        with pytest.raises(error, match=text):
            gradcheck.check_layer(own(**methods), [A, B])
    with pytest.raises(TypeError, match="takes a list of arrays"):
        gradcheck.check_layer(Add(), A)


def test_a_checked_layer_is_as_it_was():
    layer = own()
    a, b = A.astype(float), B.astype(float)
    layer([a, b], training=True)
    w, caches = layer.params["w"].copy(), len(layer._caches)
    layer.grads["w"] = [1, 2, 3]
    gradcheck.check_layer(layer, [a, b])
    assert_array_equal(layer.params["w"], w)
    assert_array_equal(layer.grads["w"], [1, 2, 3])
    assert [*layer.params] == ["w"] and len(layer._caches) == caches


def test_ties_of_a_maximum_are_kinks():
    """There is no derivative; what goes to the first lies within the interval."""
    a = np.array([[1.0, 2.0, 3.0]])
    report = gradcheck.check_layer(Maximum(), [a, a.copy()], samples=None)
    assert report.passed and report[0].kinks
