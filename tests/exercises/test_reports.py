"""What is given wrong, and what raises, becomes a report; how reports look."""

import numpy as np
import pytest

from sora_np import exercises
from sora_np.exercises.learner import Stumble, run
from sora_np.exercises.windows import convolved, correlated, most, pooled, spread
from sora_np.layers import Conv2D, Dense, Layer, MaxPooling2D


def the_outcome(report):
    """Return the only outcome of a report that did not begin."""
    assert len(report.outcomes) == 1 and not report.passed
    return report.outcomes[0]


class Unfinished(Layer):
    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = units


class Raising(Unfinished):
    def build(self, input_shape, rng, dtype):
        super().build(input_shape, rng, dtype)
        self.add = {}["kernel"]


class Loose(Layer):
    def __init__(self, units):
        self.units = units


class Untrained(Unfinished):
    """Its forward takes no ``training``."""

    def build(self, input_shape, rng, dtype):
        super().build(input_shape, rng, dtype)
        self.params["kernel"] = np.ones((input_shape[-1], self.units))
        self.params["bias"] = np.ones(self.units)
        return (self.units,)

    def forward(self, x):
        return x @ self.params["kernel"] + self.params["bias"]


GIVEN = {  # exercise, what is given, words of what was found and of the hint
    "a-layer": ("dense", Dense(2), "takes the class, got a layer 'Dense'", "parenth"),
    "no-class": ("dense", lambda x: x, "takes a subclass of sora_np.Layer", "class"),
    "another-class": ("conv2d", dict, "takes a subclass of sora_np.Layer", "(Layer)"),
    "a-number": ("conv2d", 3, "takes a subclass of sora_np.Layer, got int", "build"),
    "a-class": ("softmax", dict, "takes a function, got a class", "itself"),
    "a-result": ("softmax", np.ones(3), "takes a function, got ndarray", "itself"),
    "signature": (
        *("neuron", lambda x, w: 0, "must take 3 arguments, (x, w, b)"),
        "order of the task",
    ),
    "flip-signature": (
        *("random_flip", lambda images: images, "must take 2 arguments"),
        "order of the task",
    ),
    "flip-class": ("random_flip", dict, "takes a function, got dict", "itself"),
    "block-class": ("residual_block", dict, "takes a function, got dict", "symbol"),
}


@pytest.mark.parametrize("name, given, found, hint", GIVEN.values(), ids=GIVEN)
def test_what_is_given_wrong_is_said(name, given, found, hint):
    outcome = the_outcome(exercises.check(given, name))
    assert found in outcome.found and hint in outcome.hint


def first(report):
    """Return the first outcome, a wrong one."""
    assert report.outcomes[0].verdict == "WRONG" and not report.passed
    return report.outcomes[0]


def test_the_line_that_raised_is_named():
    def softmax(x):
        y = x / 1
        return y[1000]

    outcome = first(exercises.check(softmax))
    assert outcome.found.startswith("IndexError: index 1000 is out of bounds")
    assert "in softmax, line " in outcome.found
    assert outcome.found.endswith("of test_reports.py: return y[1000]")
    assert "runs past the end" in outcome.hint


def test_the_line_of_a_function_below_is_named():
    def divided(a):
        return 1 // a

    def neuron(x, w, b):
        return divided(0)

    found = first(exercises.check(neuron)).found
    assert "ZeroDivisionError" in found and found.endswith("return 1 // a")


def test_the_line_is_the_learners_where_numpy_raises():
    def neuron(x, w, b):
        return np.linalg.inv(x)

    found = first(exercises.check(neuron)).found
    assert "LinAlgError" in found and found.endswith("return np.linalg.inv(x)")


@pytest.mark.parametrize(
    "cls, found",
    [
        (Unfinished, "after build, params is empty; expected kernel (3, 2), bias (2,)"),
        (Raising, 'KeyError: \'kernel\', in build, line'),
        (Loose, "must begin with super().__init__(**options)"),
        (Untrained, "training"),
    ],
)  # fmt: skip
def test_a_layer_that_raises_is_a_report(cls, found):
    outcome = first(exercises.check(cls, "dense"))
    assert found in outcome.found, outcome
    assert outcome.hint


def test_the_hint_for_a_broken_rule_names_the_page_of_the_rules():
    hints = [first(exercises.check(c, "dense")).hint for c in (Loose, Untrained)]
    assert all("write_your_own_layer.md" in hint for hint in hints)
    hint = first(exercises.check(Raising, "dense")).hint
    assert hint.startswith("Run the code alone")


def test_an_array_in_the_place_of_a_number_lacks_a_sum():
    def convolve2d(image, kernel):
        y = np.zeros((2, 2))
        y[0, 0] = image[:2, :2] * kernel
        return y

    assert "is a sum missing?" in first(exercises.check(convolve2d)).hint


def test_arguments_that_a_layer_lacks_are_named():
    class MyMaxPooling2D(Layer):
        def __init__(self):
            super().__init__()

    found = first(exercises.check(MyMaxPooling2D)).found
    assert "MyMaxPooling2D(pool_size=2) does not fit its signature" in found


def test_ctrl_c_is_no_report():
    def neuron(x, w, b):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        exercises.check(neuron)


def test_an_exercise_that_there_is_not():
    with pytest.raises(ValueError, match="unknown exercise 'conv'; did you mean 'conv"):
        exercises.check(Dense, "conv")
    with pytest.raises(
        ValueError, match="by the solution's name, 'xyz'. Name .* check\\(xyz, "
    ):
        exercises.check(type("xyz", (), {}))
    with pytest.raises(ValueError, match="unknown exercise"):
        exercises.task("nothing")


def test_every_exercise_has_its_task():
    listed = str(exercises.task())
    for name, exercise in exercises.EXERCISES.items():
        assert name in listed and exercise.name == name
        text = str(exercises.task(name))
        assert text == exercise.task and len(text.splitlines()) > 1


def test_a_report_shows_itself():
    report = exercises.check(lambda x, w, b: float(x @ w), "neuron")
    text = str(report)
    assert text.splitlines()[0] == "<lambda>, exercise neuron: 1 of 5 right"
    assert text.count("hint: The bias is missing") == 1  # each once
    assert "right      no bias, five inputs: y" in text
    assert report.hints == ["The bias is missing in the result."]
    page = report._repr_html_()
    assert "&lt;lambda&gt;, exercise neuron: 1 of 5 right" in page
    assert page.count("The bias is missing") == 1
    assert [one.verdict for one in report].count("WRONG") == 4


def test_what_follows_a_wrong_y_is_not_tried():
    class Off(Dense):
        def forward(self, x, *, training=False):
            return super().forward(x, training=training) + 1

    report = exercises.check(Off, "dense")
    assert {one.verdict for one in report if one.result == "dx"} == {"not tried"}


def test_all_results_of_a_function_are_tried():
    report = exercises.check(lambda w, dw, v, a, b: (w, b * v - a * dw), "sgd_step")
    assert {one.verdict for one in report if one.result == "velocity"} == {"right"}
    assert {one.verdict for one in report if one.result == "w"} == {"WRONG"}


def test_a_reshape_that_does_not_fit_is_explained():
    class MyMaxPooling2D(Layer):
        def __init__(self, pool_size=2, strides=None):
            super().__init__()
            self.pool_size = pool_size

        def build(self, input_shape, rng, dtype):
            super().build(input_shape, rng, dtype)
            h, w, c = input_shape
            return h // self.pool_size, w // self.pool_size, c

        def forward(self, x, *, training=False):
            (n, h, w, c), p = x.shape, self.pool_size
            return x.reshape(n, h // p, p, w // p, p, c).max(axis=(2, 4))

    report = exercises.check(MyMaxPooling2D)
    rest = next(one for one in report if one.case == "a rest at the edge")
    assert "windows that overlap" in rest.hint and "x.reshape(n" in rest.found
    first = report.outcomes[1]
    assert first.result == "dx" and "must define backward" in first.found
    assert "is not written yet" in first.hint


def test_the_same_words_are_printed_once():
    report = exercises.check(lambda x: None, "softmax")
    assert str(report).count("y is None") == 1 and len(report.outcomes) == 9
    assert str(report).count("as above") == 8


def test_warnings_of_the_code_are_dropped_and_what_it_raises_is_not():
    assert np.isinf(run(lambda: np.exp(np.float64(1000.0))))
    with pytest.raises(Stumble, match="ValueError: no"):
        run(lambda: (_ for _ in ()).throw(ValueError("no")))


# --- the loops that right results and mistakes are made of, against the package -----


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_the_loops_agree_with_conv2d(stride, rng):
    x = rng.standard_normal((2, 7, 6, 3))
    layer = Conv2D(2, 2, strides=stride)
    layer.build(x.shape[1:], rng, float)
    kernel, bias = layer.params["kernel"], layer.params["bias"]
    y = layer.forward(x, training=True)
    dy = rng.standard_normal(y.shape)
    dx = layer.backward(dy)
    np.testing.assert_allclose(convolved(x, kernel, bias, stride), y, atol=1e-12)
    mine = spread(dy, kernel, x.shape, stride, "add")
    np.testing.assert_allclose(mine, dx, atol=1e-12)
    dkernel = correlated(x, dy, 2, stride).sum(axis=(0, 1))
    np.testing.assert_allclose(dkernel, layer.grads["kernel"], atol=1e-12)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_the_loops_agree_with_max_pooling2d(stride, rng):
    x = rng.integers(0, 3, (2, 7, 6, 3)) * 1.0  # with ties
    layer = MaxPooling2D(2, stride)
    layer.build(x.shape[1:], rng, float)
    y = layer.forward(x, training=True)
    dy = rng.standard_normal(y.shape)
    np.testing.assert_array_equal(most(x, 2, stride), y)
    mine = pooled(x, dy, 2, stride, "first")
    np.testing.assert_allclose(mine, layer.backward(dy), atol=1e-12)
