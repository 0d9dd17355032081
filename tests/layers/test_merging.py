"""What every layer of several inputs promises, over one table of cases."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sora_np import Sequential, gradcheck, layers
from sora_np.layers import (
    Add,
    AddedLoss,
    Average,
    Concatenate,
    Dense,
    Dot,
    Lambda,
    Maximum,
    Minimum,
    Multiply,
    Subtract,
)
from sora_np.saving.registry import layer_from_config, own_classes

CASES = {  # id: (make the layer, shapes of its inputs)
    "add": (Add, [(3, 2, 4)] * 2),
    "add-one": (Add, [(3, 4)]),
    "add-five": (Add, [(3, 4)] * 5),
    "add-repeated": (Add, [(3, 2, 1), (3, 1, 4), (3, 2, 4)]),
    "add-ranks": (Add, [(3, 4), (3, 2, 4), (3, 1)]),
    "subtract": (Subtract, [(3, 2, 4)] * 2),
    "subtract-repeated": (Subtract, [(3, 4), (3, 5, 1)]),
    "multiply": (Multiply, [(3, 2, 4)] * 2),
    "multiply-one": (Multiply, [(3, 4)]),
    "multiply-four": (Multiply, [(2, 3)] * 4),
    "multiply-channels": (Multiply, [(2, 3, 2, 4), (2, 1, 1, 4)]),
    "average": (Average, [(3, 2, 4)] * 3),
    "average-ranks": (Average, [(2, 3, 4), (2, 4)]),
    "maximum": (Maximum, [(3, 2, 4)] * 2),
    "maximum-three": (Maximum, [(3, 4), (3, 4), (3, 1)]),
    "minimum": (Minimum, [(3, 2, 4)] * 3),
    "minimum-one": (Minimum, [(3, 2, 4)]),
    "concatenate": (Concatenate, [(3, 2, 4), (3, 2, 1)]),
    "concatenate-axis": (lambda: Concatenate(1), [(3, 2, 4), (3, 1, 4), (3, 5, 4)]),
    "concatenate-one": (lambda: Concatenate(-2), [(3, 2, 4)]),
    "dot": (lambda: Dot(1), [(3, 5), (3, 5)]),
    "dot-matrices": (lambda: Dot((1, 2)), [(3, 4, 5), (3, 2, 4)]),
    "dot-ranks": (lambda: Dot((3, -1)), [(2, 2, 3, 4), (2, 4)]),
    "dot-middle": (lambda: Dot((2, 1)), [(2, 2, 3, 2), (2, 3, 2, 2)]),
    "cosine": (lambda: Dot(-1, normalize=True), [(3, 5), (3, 5)]),
    "cosine-matrices": (lambda: Dot((2, 1), True), [(2, 3, 4), (2, 4, 2)]),
    "added-loss": (
        lambda: AddedLoss(["mean", "sum"], [0.5, -2.0], 1.0),
        [(3, 2), (3, 4), (3, 1, 2)],
    ),
    "lambda": (lambda: Lambda(joined), [(3, 2, 4), (3, 2, 4)]),
    "lambda-repeated": (lambda: Lambda(joined), [(3, 2, 4), (3, 2, 1), (3, 1, 4)]),
    "lambda-given": (lambda: Lambda(joined, gradient=joined_dx), [(3, 2, 4)] * 2),
}


def joined(xs):
    return np.tanh(xs[0]) * xs[1] + np.square(xs[-1])


def joined_dx(dy, xs, y):
    a, b = xs
    return [dy * b * (1 - np.tanh(a) ** 2), dy * (np.tanh(a) + 2 * b)]


def test_no_layer_is_left_out():
    made = {type(make()) for make, _ in CASES.values()}
    names = {getattr(layers, name) for name in layers.__all__}
    classes = {cls for cls in names if isinstance(cls, type)}
    assert made == {cls for cls in classes if cls.takes_several} | {Lambda}


@pytest.fixture(params=CASES.values(), ids=CASES)
def case(request, rng):
    """Numbers that are 0.01 apart and more, also from 0: no kink and no tie is near."""
    make, shapes = request.param
    sizes = [np.prod(shape) for shape in shapes]
    numbers = rng.permutation(sum(sizes)) / sum(sizes) * 4 - 1.9931
    parts = np.split(numbers, np.cumsum(sizes)[:-1])
    return make, [p.reshape(s) for p, s in zip(parts, shapes, strict=True)]


def built(make, xs, dtype="float64"):
    layer = make()
    shapes = tuple(x.shape[1:] for x in xs)
    return layer, layer.build(shapes, np.random.default_rng(1), dtype)


def test_gradients(case):
    make, xs = case
    report = gradcheck.check_layer(make(), xs, samples=None)
    assert [check.name for check in report] == [f"x{k}" for k in range(len(xs))]
    for check in report:
        assert check.passed, f"{check} of {make()}"
        assert not check.kinks, f"{check} of {make()}"


def test_dtype_and_shape(case, dtype):
    make, xs = case
    layer, output_shape = built(make, xs, dtype)
    y = layer.forward(*(x.astype(dtype) for x in xs), training=True)
    dxs = layer.backward(np.ones_like(y))
    assert isinstance(dxs, tuple)
    assert layer.input_shape == tuple(x.shape[1:] for x in xs)
    assert y.shape == (len(xs[0]), *output_shape)
    assert [dx.shape for dx in dxs] == [x.shape for x in xs]
    assert {a.dtype for a in (y, *dxs)} == {np.dtype(dtype)}


def test_nothing_given_is_changed_or_handed_back(case):
    make, xs = case
    layer, _ = built(make, xs)
    before = [x.copy() for x in xs]
    y = layer.forward(*xs, training=True)
    dy = np.ones_like(y)
    made = [y, *layer.backward(dy)]
    for x, as_was in zip(xs, before, strict=True):
        assert_array_equal(x, as_was)
    assert_array_equal(dy, 1)
    for k, array in enumerate(made):
        others = [*xs, dy, *made[:k], *made[k + 1 :]]
        assert not any(np.shares_memory(array, other) for other in others)


def test_one_array_may_come_twice(case):
    make, xs = case
    if len({x.shape for x in xs}) > 1:
        return
    layer, _ = built(make, xs)
    y = layer.forward(*[xs[0]] * len(xs), training=True)
    assert_array_equal(y, layer.forward(*[xs[0].copy() for _ in xs]))
    assert len(layer.backward(np.ones_like(y))) == len(xs)


def test_any_memory_layout(case):
    make, xs = case
    layer, _ = built(make, xs)
    y = layer([*xs])
    odd = [np.asfortranarray(x[::-1].copy()[::-1]) for x in xs]
    for x in odd:
        x.setflags(write=False)
    assert_allclose(layer(tuple(odd)), y, rtol=1e-12)


def test_batch_equals_one_by_one(case):
    make, xs = case
    layer, _ = built(make, xs)
    samples = zip(*xs, strict=True)
    alone = [layer.forward(*(part[None] for part in sample)) for sample in samples]
    assert_allclose(layer.forward(*xs), np.concatenate(alone), rtol=1e-12)


def test_an_empty_batch(case):
    make, xs = case
    layer, output_shape = built(make, xs)
    y = layer.forward(*(x[:0] for x in xs), training=True)
    assert y.shape == (0, *output_shape)
    dxs = layer.backward(y)
    assert [dx.shape for dx in dxs] == [(0, *x.shape[1:]) for x in xs]


def test_backward_undoes_the_last_forward_once(case):
    make, xs = case
    layer, _ = built(make, xs)
    y = layer.forward(*xs)
    with pytest.raises(RuntimeError, match="needs a forward"):
        layer.backward(y)
    layer.forward(*xs, training=True)
    first = layer.backward(y)
    layer.forward(*xs, training=True)
    layer.forward(*(x[:1] for x in xs), training=True)
    layer.backward(y[:1])
    for dx, expected in zip(layer.backward(y), first, strict=True):
        assert_array_equal(dx, expected)
    layer.forward(*xs, training=True)
    with pytest.raises(ValueError, match="expected dy of shape"):
        layer.backward(np.ones((1, *y.shape)))


def test_an_equal_layer_from_its_configuration(case):
    make, xs = case
    layer, output_shape = built(make, xs)
    if isinstance(layer, Lambda):  # its configuration has names of functions
        described = {"class_name": "Lambda", "config": layer.get_config()}
        twin = layer_from_config(described, own_classes([layer]))
    else:
        twin = type(layer)(**layer.get_config())
    assert twin.get_config() == layer.get_config()
    assert built(lambda: twin, xs)[1] == output_shape


def test_functions_are_their_classes(case):
    make, xs = case
    layer = make()
    if isinstance(layer, (Lambda, AddedLoss)):
        return  # they are no functions of Keras's
    function = getattr(layers, type(layer).__name__.lower())
    options = {k: v for k, v in layer.get_config().items() if k in ("axis", "axes")}
    if getattr(layer, "normalize", False):
        options["normalize"] = True
    assert_array_equal(function([*xs], **options), layer([*xs]))
    assert_array_equal(function([*xs], name="own", **options), layer([*xs]))


# --- against NumPy, Keras and numbers worked by hand ---------------------------------


def test_repeats_are_summed():
    """By hand: a (1, 2) and b (1, 3, 2), of which each row gets a."""
    layer = Add()
    a, b = np.array([[1.0, 2.0]]), np.arange(6.0).reshape(1, 3, 2)
    y = layer([a, b], training=True)
    assert_array_equal(y, [[[1, 3], [3, 5], [5, 7]]])
    da, db = layer.backward(np.arange(1.0, 7).reshape(1, 3, 2))
    assert_array_equal(da, [[1 + 3 + 5, 2 + 4 + 6]])
    assert_array_equal(db, [[[1, 2], [3, 4], [5, 6]]])


def test_a_zero_does_not_hide_the_others():
    """dx of 0 in 0 * 2 * 3 is 6: nothing is divided by x."""
    layer = Multiply()
    layer([np.array([[v]]) for v in (0.0, 2.0, 3.0)], training=True)
    assert [dx.item() for dx in layer.backward(np.ones((1, 1)))] == [6, 0, 0]


@pytest.mark.parametrize(
    "layer, expected",
    [(Maximum(), [[1, 2, 0], [0, 0, 3]]), (Minimum(), [[1, 0, 3], [0, 2, 0]])],
)
def test_of_equals_the_first_gets_the_gradient(layer, expected):
    """As TensorFlow 2.21 gives it."""
    layer([np.array([[1.0, 5, 2]]), np.array([[1.0, 4, 3]])], training=True)
    dxs = layer.backward(np.array([[1.0, 2, 3]]))
    assert_array_equal(np.concatenate(dxs), expected)


def test_dot_is_keras_and_numpys(rng):
    a, b = np.array([[3.0, 4], [1, 0]]), np.array([[4.0, 3], [-2, 0]])
    assert_array_equal(Dot(1)([a, b]), [[24], [-2]])
    assert_allclose(Dot(1, normalize=True)([a, b]), [[0.96], [-1]])
    a, b = rng.standard_normal((2, 3, 4, 5)), rng.standard_normal((2, 6, 4))
    expected = np.einsum("nakb,nck->nabc", a, b)
    assert_allclose(Dot((2, 2))([a, b]), expected, rtol=1e-12)


def test_a_vector_of_no_length_has_no_nan():
    layer = Dot(1, normalize=True)
    y = layer([np.zeros((1, 3)), np.ones((1, 3))], training=True)
    assert_array_equal(y, [[0]])
    dxs = layer.backward(np.ones((1, 1)))
    assert all(np.isfinite(dx).all() for dx in dxs)


def test_float32_beside_float64():
    """The wider one decides, as in NumPy; whole numbers become float32."""
    a, b = np.ones((2, 3), np.float32), np.ones((2, 3))
    assert Add()([a, b]).dtype == np.float64
    assert Add()([a, np.ones((2, 3), int)]).dtype == np.float32


# --- mistakes -----------------------------------------------------------------------

WRONG = {
    "shapes": (
        Add,
        [(4, 4, 3), (4, 4, 2)],
        r"Add 'add' cannot join x of shapes \(N, 4, 3\), \(N, 4, 2\): the sizes",
    ),
    "ranks": (Multiply, [(4, 2, 3), (4, 2)], r"shapes \(N, 2, 3\), \(N, 2\)"),
    "three": (
        Subtract,
        [(4, 3)] * 3,
        "Subtract 'subtract' takes exactly 2 inputs, got",
    ),
    "samples": (Add, [(4, 3), (5, 3)], "same number of samples .*, got 4, 5"),
    "concatenate": (
        Concatenate,
        [(4, 2, 3), (4, 3, 3)],
        r"shapes \(N, 2, 3\), \(N, 3, 3\) along axis -1: all other sizes",
    ),
    "concatenate-ranks": (Concatenate, [(4, 2, 3), (4, 2)], "all other sizes must be"),
    "concatenate-axis": (lambda: Concatenate(3), [(4, 2)] * 2, "axis must be .*got 3"),
    "concatenate-batch": (lambda: Concatenate(0), [(4, 2)] * 2, "axis must be .*got 0"),
    "dot": (
        lambda: Dot((1, 2)),
        [(4, 2, 3), (4, 2, 3)],
        "expected equal sizes, got 2 along axis 1 of the first and 3 along axis 2",
    ),
    "dot-one": (lambda: Dot(1), [(4, 2)], "takes exactly 2 inputs, got 1"),
    "dot-axis": (lambda: Dot(2), [(4, 2)] * 2, "axis must be .*got 2"),
    "dot-batch": (lambda: Dot(0), [(4, 2)] * 2, "axis must be .*got 0"),
}


@pytest.mark.parametrize("make, shapes, text", WRONG.values(), ids=WRONG)
def test_inputs_that_do_not_fit(make, shapes, text):
    with pytest.raises(ValueError, match=text):
        make()([np.zeros(shape) for shape in shapes])


def test_other_inputs_than_built_for():
    layer = Add()
    a = np.zeros((2, 3))
    with pytest.raises(RuntimeError, match="call it on a list of arrays"):
        layer.forward(a, a)
    layer([a, a])
    text = r"built for x of shapes \(N, 3\), \(N, 3\), got "
    for xs, got in (
        ([a], r"\(2, 3\)$"),
        ([a] * 3, r"\(2, 3\), \(2, 3\), \(2, 3\)$"),
        ([a, a[0]], r"\(2, 3\), \(3,\)$"),
        ([a, a[:, :2]], r"\(2, 3\), \(2, 2\)$"),
        ([a, 1.0], r"\(2, 3\), \(\)$"),
    ):
        with pytest.raises(ValueError, match=text + got):
            layer(xs)
    with pytest.raises(TypeError, match="x1 of Add 'add' must be an array of real"):
        layer.forward(a, a * 1j)


@pytest.mark.parametrize("x", [np.zeros((2, 2, 3)), [], None, {"a": 1}], ids=repr)
def test_what_is_no_list_of_arrays(x):
    with pytest.raises(TypeError, match="Add 'add' takes a list of arrays, one for"):
        Add()(x)


def test_a_sequential_has_one_input_for_each_layer():
    model = Sequential([Dense(3), Add()])
    with pytest.raises(TypeError, match="Add 'add' takes several inputs: its shape is"):
        model.build((None, 4))


@pytest.mark.parametrize(
    "make, error, text",
    [
        (lambda: Concatenate(1.5), TypeError, "axis must be a whole number, got 1.5"),
        (lambda: Dot((1, 2, 3)), ValueError, "axes must be one or two whole numbers"),
        (lambda: Dot("1"), TypeError, "axes must be a whole number, got '1'"),
        (lambda: Dot(1, 2), TypeError, "normalize must be True or False, got 2"),
        (lambda: Add(axis=1), TypeError, "axis"),
    ],
    ids=["axis", "three-axes", "text", "flag", "argument"],
)
def test_impossible_arguments(make, error, text):
    with pytest.raises(error, match=text):
        make()
