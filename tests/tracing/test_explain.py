"""The text about one number: its numbers make the number that the layer computed."""

import copy
import re

import numpy as np
import pytest
from tracing.cases import network, worth

from sora_np import (
    ELU,
    Activation,
    AveragePooling2D,
    BatchNormalization,
    Conv2D,
    Dense,
    Flatten,
    MaxPooling2D,
    ReLU,
    Sequential,
    Softmax,
    tracing,
)
from sora_np.tracing.writing import as_place, number

TOLERANCE = {"float32": 2e-5, "float64": 1e-11}
GIVEN = "x", "dy", "kernel", "bias"


def check(traced, dtype, rng, places=4):
    """Compare some places of every array with what their texts say; count these."""
    checked = 0
    for name, array in traced.items():
        if name in (*GIVEN, "t", "weight") or (traced.name == "loss" and name in "zy"):
            continue
        scale = np.abs(array).max(initial=1e-3)
        corners = [(0,) * array.ndim, tuple(size - 1 for size in array.shape)]
        some = [tuple(rng.integers(0, array.shape)) for _ in range(places)]
        for index in [*corners, *some]:
            place = f"{name}[{', '.join(map(str, index))}]"
            found = traced.explain(place)
            assert found.place == place and found.value == array[index]
            last = found.lines[-1]
            assert last.left in (place, "loss") and last.value == array[index]
            for line in found.lines:
                error = abs(worth(line.written) - line.value)
                assert error <= TOLERANCE[dtype] * max(scale, abs(line.value)), found
            for one in found.operands:
                assert traced[one.array][one.where] == one.value
            check_text(found, TOLERANCE[dtype] * max(scale, 1))
            checked += 1
    return checked


def check_text(found, tolerance):
    """Compare the last equation of a shortened text, as it is read."""
    for most in (2, 1000):
        text = " ".join(found.text(most).split())
        equations = text.split(f"{found.lines[-1].left} = ")
        right = equations[-1].partition(" The ")[0].partition(" weight[")[0]
        right = re.split(r" \d+ of \d+ cells| x\[[\d, ]+\] is the", right)[0]
        sides = re.sub(r" \[the (sum|largest) of \d+ more terms\]", "", right)
        *terms, value = sides.split(" = ")
        assert np.array(float(value), found.value.dtype) == found.value
        for term in terms:
            assert abs(worth(term) - float(value)) <= tolerance, text


@pytest.mark.parametrize(
    "loss",
    ["sparse_categorical_crossentropy", "categorical_crossentropy", "mse"],
)
def test_every_number_of_a_step(loss, dtype, batch, rng):
    x, y = batch
    y = y if loss[:6] == "sparse" else np.eye(3)[y] * 0.7 + 0.1
    model = network(dtype, loss)
    step = tracing.trace(model, x, y, [1.0, 0.5, 2.0])
    counts = {one.name: check(one, dtype, rng) for one in (*step.layers, step.loss)}
    assert counts.pop("softmax", 0) == 0 and min(counts.values()) >= 12
    assert counts["conv2d"] == 6 * 6 and counts["dense"] == 6 * 6


NAMES = [
    "elu",
    "relu6",
    "leaky_relu",
    "softplus",
    "silu",
    "exponential",
    "mish",
    "softmax",
]


@pytest.mark.parametrize("name", [*NAMES, "selu", "hard_sigmoid", "linear", "tanh"])
@pytest.mark.parametrize("kind", [Activation, lambda name: Dense(4, name)])
def test_every_activation(kind, name, dtype, rng):
    x, dy = (rng.standard_normal((3, 4)).astype(dtype) for _ in range(2))
    traced = tracing.trace_layer(kind(name), 3 * x, dy)
    assert check(traced, dtype, rng) >= 12


@pytest.mark.parametrize(
    "layer",
    [
        Conv2D(3, 3, padding="same", strides=2),
        Conv2D(4, (2, 3), dilation_rate=(2, 1), groups=2, padding="same"),
        Conv2D(1, 5, strides=3),
        MaxPooling2D(3, 2, "same"),
        MaxPooling2D(2, 3),
        AveragePooling2D(3, 2, "same"),
        Softmax(),
        Dense(2, use_bias=False),
        Flatten(),
    ],
    ids=lambda layer: layer.name,
)
def test_layers_by_themselves(layer, dtype, rng):
    x = rng.integers(-3, 3, (2, 6, 5, 4)).astype(dtype)  # so that some tie
    layer = copy.deepcopy(layer)  # that of the other dtype is built
    y = layer(x)
    dy = rng.standard_normal(y.shape).astype(dtype)
    traced = tracing.trace_layer(layer, x, dy)
    np.testing.assert_array_equal(traced["y"], y)
    assert check(traced, dtype, rng, 20) >= 40


def test_ones_are_the_slope_by_default(rng):
    x = rng.standard_normal((1, 3, 3, 1))
    traced = tracing.trace_layer(AveragePooling2D(3), x)
    np.testing.assert_array_equal(traced["dy"], [[[[1]]]])
    np.testing.assert_allclose(traced["dx"], np.full((1, 3, 3, 1), 1 / 9))


# --- worked by hand -------------------------------------------------------------------


def by_hand():
    """The network of README's "One training step by hand"."""
    layers = [Conv2D(3, 3), MaxPooling2D(2), Flatten(), Dense(1, "relu")]
    model = Sequential(layers, dtype="float64")
    model.build((None, 4, 4, 1))
    w = np.zeros((3, 3, 1, 3))
    w[1, 1, 0, 0], w[:, 1, 0, 1], w[1, :, 0, 2] = 1, [-1, 0, 1], [1, 1, 1]
    layers[0].params["kernel"] = w
    layers[3].params["kernel"], layers[3].params["bias"] = [[1], [2], [-1]], [0.5]
    model.compile("sgd", "mse")
    x = np.array([[1, 0, 2, 1], [0, 3, 1, 0], [2, 1, 0, 1], [1, 0, 1, 2]]) / 4
    return tracing.trace(model, x[None, :, :, None], [[1.0]])


BY_HAND = {
    (
        "conv2d",
        "y[0, 0, 0, 1]",
    ): "0 + 0.25 * 0 + 0 * (-1) + 0.5 * 0 + 0 * 0 + 0.75 * 0 + "
    "0.25 * 0 + 0.5 * 0 + 0.25 * 1 + 0 * 0 = 0.25",
    ("max_pooling2d", "y[0, 0, 0, 2]"): "max(1, 1, 0.75, 0.5) = 1",
    ("max_pooling2d", "dx[0, 0, 0, 2]"): "0.5",
    ("max_pooling2d", "dx[0, 0, 1, 2]"): "0",
    ("flatten", "y[0, 1]"): "0.25",
    ("dense", "y[0, 0]"): "max(0, 0.75) = 0.75",
    ("dense", "z[0, 0]"): "0.5 + 0.75 * 1 + 0.25 * 2 + 1 * (-1) = 0.75",
    ("dense", "dkernel[2, 0]"): "1 * (-0.5) = -0.5",
    ("dense", "dbias[0]"): "-0.5",
    ("dense", "dx[0, 1]"): "(-0.5) * 2 = -1",
    ("conv2d", "dkernel[0, 2, 0, 0]"): "0.5 * (-0.5) + 0.25 * 0 + 0.25 * 0 + 0 * 0 "
    "= -0.25",
    ("loss", "losses[0]"): "((0.75 - 1) ** 2) / 1 = 0.0625",
    ("loss", "dy[0, 0]"): "1 * 2 * (0.75 - 1) / 1 = -0.5",
    ("loss", "loss[]"): "0.0625 * 1 = 0.0625",
}


@pytest.mark.parametrize("where", BY_HAND, ids=" ".join)
def test_a_step_worked_by_hand(where):
    text = by_hand().explain(*where).text()
    line = where[1] if where[1] != "loss[]" else "loss"
    said = " ".join(text.split()).replace("[]", "")
    assert f"{line} = {BY_HAND[where]}" in said.replace("(-0.5) = -0.5", "-0.5", 0), (
        text
    )


def test_where_a_maximum_goes():
    step = by_hand()
    text = str(step.explain("max_pooling2d", "y[0, 0, 0, 2]"))
    assert "The maximum is x[0, 0, 0, 2], the first of the equal ones" in text
    text = str(step.explain("max_pooling2d", "dx[0, 0, 1, 2]"))
    assert "x[0, 0, 1, 2] is the maximum of no window" in text


def test_padding_is_named():
    traced = tracing.trace_layer(Conv2D(1, 3, padding="same"), np.ones((1, 3, 3, 1)))
    text = str(traced.explain("y[0, 0, 0, 0]"))
    assert "5 of 9 cells lie in the padding, which is 0." in text
    assert "padding" not in str(traced.explain("y[0, 1, 1, 0]"))
    assert len(traced.explain("y[0, 0, 0, 0]").lines[0].terms) == 5  # bias and 4


def test_softmax_and_crossentropy_of_two_classes():
    """Of logits 0 and log 3 the probabilities are 1/4 and 3/4."""
    layer = Dense(2, "softmax", use_bias=False, input_shape=(1,))
    model = Sequential([layer], dtype="float64")
    model.compile("sgd", "sparse_categorical_crossentropy")
    layer.params["kernel"] = [[0, np.log(3)]]
    step = tracing.trace(model, [[1.0]], [0])
    np.testing.assert_allclose(step["loss"]["p"], [[0.25, 0.75]])
    np.testing.assert_allclose(step["loss"]["dz"], [[-0.75, 0.75]])
    np.testing.assert_allclose(step["loss"]["losses"], [np.log(4)])
    assert "1 * (0.25" in str(step.explain("loss", "dz[0, 0]"))


# --- mistakes ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "place, words",
    [
        ("y", 'written as "y[0, 2, 1, 0]", got'),
        ("w[0]", "conv2d has no array 'w'. It has x, kernel, bias, y, dy"),
        ("y[0, 0]", "expected 4 numbers in the index, got 2"),
        ("y[0, 0, 9, 0]", "axis 2 must be from -2 to 1, got 9"),
        ("y[0, 0, -3, 0]", "axis 2 must be from -2 to 1, got -3"),
        ("y[0, , 1, 0]", "an index must be whole numbers"),
        ("y[0, 1 2, 0, 0]", "an index must be whole numbers"),
        ("x[0, 0, 0, 0]", "x is an input of"),
        ("dy[0, 0, 0, 0]", "dy is an input of"),
        ("kernel[0, 0, 0, 0]", "kernel is an input of"),
    ],
)
def test_places_that_are_none(place, words):
    with pytest.raises(ValueError) as caught:
        by_hand().explain("conv2d", place)
    assert words in str(caught.value)


def test_other_mistakes(rng):
    step = by_hand()
    with pytest.raises(TypeError, match="needs the name of a layer .* layers: conv2d"):
        step.explain("y[0, 0, 0, 0]")
    with pytest.raises(KeyError, match="no layer of the step is named 'conv'"):
        step.explain("conv", "y[0]")
    with pytest.raises(KeyError, match="conv2d has no array 'z'"):
        step["conv2d"]["z"]
    with pytest.raises(TypeError, match="place must be a text"):
        step.explain("conv2d", (0, 1))
    with pytest.raises(ValueError, match="most must be at least 1"):
        step.explain("conv2d", "y[0, 0, 0, 0]").text(0)
    with pytest.raises(ValueError, match="t is an input of the loss"):
        step.explain("loss", "t[0, 0]")
    x = rng.standard_normal((3, 2))
    for layer in (BatchNormalization(), ReLU(max_value=1), ELU(), Softmax(1)):
        traced = tracing.trace_layer(layer, x)
        if type(layer) is Softmax:
            assert traced.explain("y[0, 0]")
            continue
        with pytest.raises(ValueError, match=f"no sum is written for {layer.name}"):
            traced.explain("y[0, 0]")
        assert traced["dx"].shape == x.shape


def test_a_layer_of_ones_own_has_no_text(rng):
    class Doubled(Dense):
        def forward(self, x, *, training=False):
            return 2 * super().forward(x, training=training)

    traced = tracing.trace_layer(Doubled(2), rng.standard_normal((3, 2)))
    with pytest.raises(ValueError, match="no sum is written for doubled"):
        traced.explain("y[0, 0]")


def test_negative_indices_count_from_the_end():
    step = by_hand()
    assert step.explain("conv2d", "y[0, -1, -1, 1]").place == "y[0, 1, 1, 1]"
    assert as_place(" y [ 0,1 ] ", {"y": np.zeros((1, 2))}, "") == ("y", (0, 1))


@pytest.mark.parametrize("value", [0.1, -1e-30, 1 / 3, 3e38, np.nan, np.inf, 7.0])
def test_numbers_are_themselves(value, dtype):
    one = np.array(value, dtype)[()]
    np.testing.assert_equal(np.array(float(number(one)), dtype), one)
