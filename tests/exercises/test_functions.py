"""Exercises that are functions: right ones pass, wrong ones get a hint that fits."""

import re

import numpy as np
import pytest
from scipy import signal

from sora_np import exercises

X = np.newaxis  # what layers of text below use


def softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def neuron(x, w, b):
    return float(np.dot(x, w) + b)


def neuron_gradient(x, w, b, dy):
    return dy * w, dy * x, dy


def convolve2d(image, kernel):
    p, q = kernel.shape
    y = np.zeros(
        (image.shape[0] - p + 1, image.shape[1] - q + 1), np.result_type(image, kernel)
    )
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            y[i, j] = np.sum(image[i : i + p, j : j + q] * kernel)
    return y


def crossentropy(y_true, y_pred):
    return -np.mean(np.sum(y_true * np.log(np.maximum(y_pred, 1e-7)), axis=1))


def crossentropy_gradient(y_true, y_pred):
    return -y_true / y_pred / len(y_pred)


def softmax_crossentropy_gradient(y_true, logits):
    return (softmax(logits) - y_true) / len(logits)


def sgd_step(w, dw, velocity, learning_rate, momentum):
    velocity = momentum * velocity - learning_rate * dw
    return w + velocity, velocity


def adam_step(w, dw, m, v, t, learning_rate):
    m, v = 0.9 * m + 0.1 * dw, 0.999 * v + 0.001 * dw**2
    up, down = m / (1 - 0.9**t), v / (1 - 0.999**t)
    return w - learning_rate * up / (np.sqrt(down) + 1e-7), m, v


def adam_step_of_keras(w, dw, m, v, t, learning_rate):
    m, v = 0.9 * m + 0.1 * dw, 0.999 * v + 0.001 * dw**2
    rate = learning_rate * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    return w - rate * m / (np.sqrt(v) + 1e-7), m, v


def random_flip(images, rng):
    y = images.copy()
    chosen = rng.random(len(images)) < 0.5
    y[chosen] = y[chosen, :, ::-1]
    return y


def flip_one_by_one(images, rng):
    return np.stack([im[:, ::-1] if rng.random() < 0.5 else im for im in images])


RIGHT = [
    *(neuron, neuron_gradient, convolve2d, softmax, crossentropy),
    *(crossentropy_gradient, softmax_crossentropy_gradient, sgd_step, adam_step),
    random_flip,
]


def crossentropy_of_keras(y_true, y_pred):
    y_pred = np.clip(y_pred, 1e-7, 1 - 1e-7)
    return -np.sum(y_true * np.log(y_pred)) / len(y_pred)


def crossentropy_with_a_sum(y_true, y_pred):
    return -np.sum(y_true * np.log(y_pred + 1e-7)) / len(y_pred)


OTHERS = [  # as right
    ("adam_step", adam_step_of_keras),
    ("crossentropy", crossentropy_of_keras),
    ("crossentropy", crossentropy_with_a_sum),
    ("random_flip", flip_one_by_one),
    ("neuron", lambda x, w, b: sum(p * q for p, q in zip(x, w, strict=True)) + b),
    ("convolve2d", lambda im, k: signal.correlate2d(im, k, "valid")),
    ("softmax", lambda x: np.exp(x - np.logaddexp.reduce(x, axis=1)[:, None])),
    ("sgd_step", lambda w, dw, v, a, b: [w + b * v - a * dw, b * v - a * dw]),
]


@pytest.mark.parametrize("function", RIGHT, ids=lambda f: f.__name__)
def test_a_right_function_passes(function):
    report = exercises.check(function)
    assert report.passed and not report.hints, report
    assert report.exercise == function.__name__


@pytest.mark.parametrize("name, function", OTHERS)
def test_another_way_to_write_it_passes(name, function):
    if name == "softmax":
        original = function

        def function(x):
            return original(np.asarray(x)).astype(np.result_type(x, np.float32))

    report = exercises.check(function, name)
    assert report.passed, report


# --- wrong ones: exercise, solution, words of the hint ----------------------------


def last_product(x, w, b):
    total = 0
    for one, weight in zip(x, w, strict=True):
        total = one * weight
    return total + b


def add_blank_in_place(x, w, b):
    total = np.zeros(1)
    total += ...
    return total


def bias_in_the_loop(x, w, b):
    return sum(one * weight + b for one, weight in zip(x, w, strict=True))


def of_loops(add, size=None, turn=False, dtype=float):
    def convolve(image, kernel):
        p, q = kernel.shape
        if turn:
            kernel = kernel[::-1, ::-1]
        rows, columns = image.shape[0] - p + 1, image.shape[1] - q + 1
        rows, columns = (rows, columns) if size is None else size(rows, columns)
        y = np.zeros((rows, columns), dtype)
        for i in range(rows):
            for j in range(columns):
                for k in range(p):
                    for m in range(q):
                        part = image[i + k, j + m] * kernel[k, m]
                        y[i, j] = y[i, j] + part if add else part
        return y

    return convolve


def exchanged(image, kernel):
    p, q = kernel.shape
    y = np.zeros((image.shape[0] - p + 1, image.shape[1] - q + 1))
    for i in range(y.shape[0]):
        for j in range(y.shape[1]):
            for k in range(p):
                for m in range(q):
                    y[i, j] += image[i + k, j + m] * kernel[m, k]
    return y


def padded(image, kernel):
    return signal.correlate2d(image, kernel, "same")


def in_place_softmax(x):
    x -= x.max(axis=1, keepdims=True)
    return np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)


def by_global_maximum(x):
    e = np.exp(x - x.max())
    return e / e.sum(axis=1, keepdims=True)


def without_log_guard(y_true, y_pred):
    return -np.mean(np.sum(y_true * np.log(y_pred), axis=1))


def pytorch(w, dw, velocity, learning_rate, momentum):
    velocity = momentum * velocity + dw
    return w - learning_rate * velocity, velocity


def in_place_step(w, dw, velocity, learning_rate, momentum):
    velocity *= momentum
    velocity -= learning_rate * dw
    w += velocity
    return w, velocity


def adam(
    *, up="corrected", down="corrected", root=True, epsilon=1e-7, shift=0, give="m",
    square=True, betas=(0.9, 0.999), inside=0.0,
):  # fmt: skip
    def step(w, dw, m, v, t, learning_rate):
        t = t + shift
        one, two = betas
        m = one * m + (1 - one) * dw
        v = two * v + (1 - two) * (dw**2 if square else dw)
        mh, vh = m / (1 - one**t), v / (1 - two**t)
        above = {"corrected": mh, "plain": m, "gradient": dw}[up]
        below = (vh if down == "corrected" else v) + inside
        added = 0 if inside else epsilon
        w = w - learning_rate * above / ((np.sqrt(below) if root else below) + added)
        return (w, m, v) if give == "m" else (w, mh, vh)

    return step


def flipped(change, choose=None):
    def flip(images, rng):
        choices = rng.random(len(images)) < 0.5 if choose is None else choose(rng)
        choices = np.broadcast_to(choices, len(images))
        return np.stack(
            [change(x) if c else x for x, c in zip(images, choices, strict=True)]
        )

    return flip


def flip_rarely(images, rng):
    return np.stack([im[:, ::-1] if rng.random() < 0.1 else im for im in images])


def flip_in_place(images, rng):
    for k in range(len(images)):
        if rng.random() < 0.5:
            images[k] = images[k, :, ::-1].copy()
    return images


def flip_lost(images, rng):
    y = images.copy()
    for image in y:
        if rng.random() < 0.5:
            image = image[:, ::-1]  # noqa: PLW2901
    return y


def flip_to_floats(images, rng):
    y = np.zeros(images.shape)
    for k, image in enumerate(images):
        y[k] = image[:, ::-1] if rng.random() < 0.5 else image
    return y


def flip_by_another(images, rng):
    other = np.random.default_rng()
    return flipped(lambda x: x[:, ::-1])(images, other)


WRONG = {
    "neuron-no-bias": ("neuron", lambda x, w, b: x @ w, "bias is missing"),
    "neuron-no-sum": ("neuron", lambda x, w, b: x * w + b, "not added to one number"),
    "neuron-bias-in-loop": ("neuron", bias_in_the_loop, "once for every input"),
    "neuron-last": ("neuron", last_product, r"\(\+=\), or replace"),
    "neuron-relu": ("neuron", lambda x, w, b: max(0, x @ w + b), "ReLU"),
    "neuron-sums-first": (
        *("neuron", lambda x, w, b: x.sum() * w.sum() + b, "before they are multip"),
    ),
    "neuron-blank": ("neuron", lambda x, w, b: ..., "blank"),
    "neuron-blank-in-a-sum": ("neuron", lambda x, w, b: x @ w + ..., "blank"),
    "neuron-blank-added-in-place": ("neuron", add_blank_in_place, "blank"),
    "neuron-none": ("neuron", lambda x, w, b: None, "return at the end"),
    "gradient-swapped": (
        *("neuron_gradient", lambda x, w, b, dy: (dy * x, dy * w, dy), "exchanged"),
    ),
    "gradient-no-dy": (
        *("neuron_gradient", lambda x, w, b, dy: (w, x, 1.0), "chain rule"),
    ),
    "gradient-bias": (
        *("neuron_gradient", lambda x, w, b, dy: (dy * w, dy * x, dy * b), "dy/db"),
    ),
    "gradient-sign": (
        *("neuron_gradient", lambda x, w, b, dy: (-dy * w, -dy * x, dy), "sign"),
    ),
    "gradient-db-0": (
        *("neuron_gradient", lambda x, w, b, dy: (dy * w, dy * x, 0.0), "b grows by 1"),
    ),
    "gradient-sum": (
        *("neuron_gradient", lambda x, w, b, dy: (dy * w.sum(), dy * x, dy), "no sum"),
    ),
    "gradient-two": (
        *("neuron_gradient", lambda x, w, b, dy: (dy * w, dy * x), "3 results"),
    ),
    "convolution-turned": ("convolve2d", of_loops(True, turn=True), "180 degrees"),
    "convolution-replaced": ("convolve2d", of_loops(False), r"replace \(=\)"),
    "convolution-one-less": (
        *("convolve2d", of_loops(True, lambda r, c: (r - 1, c - 1)), "last place"),
    ),
    "convolution-same": ("convolve2d", padded, "as large as the image"),
    "convolution-exchanged": ("convolve2d", exchanged, "exchanged|index"),
    "convolution-integers": ("convolve2d", of_loops(True, dtype=int), "whole numbers"),
    "convolution-past-the-end": (
        "convolve2d",
        of_loops(True, lambda r, c: (r + 1, c)),
        "runs past the end",
    ),
    "convolution-float64": ("convolve2d", of_loops(True), "dtype of x"),
    "softmax-overflow": (
        "softmax",
        lambda x: np.exp(x) / np.exp(x).sum(axis=1, keepdims=True),
        "overflow",
    ),
    "softmax-columns": ("softmax", lambda x: softmax(x.T).T, "Every row must sum to 1"),
    "softmax-whole": ("softmax", lambda x: np.exp(x) / np.exp(x).sum(), "Every row mu"),
    "softmax-keepdims": (
        "softmax",
        lambda x: np.exp(x) / np.exp(x).sum(axis=1),
        "Every row must sum|shapes that do not fit",
    ),
    "softmax-global": ("softmax", by_global_maximum, "its own maximum"),
    "softmax-in-place": ("softmax", in_place_softmax, r"x\.copy\(\)"),
    "softmax-log": ("softmax", lambda x: np.log(softmax(x)), "logarithm of softmax"),
    "softmax-undivided": (
        *("softmax", lambda x: np.exp(x - x.max(axis=1)[:, X]), "not divided"),
    ),
    "softmax-no-exp": ("softmax", lambda x: x / x.sum(axis=1)[:, X], "exponential is"),
    "crossentropy-log-0": ("crossentropy", without_log_guard, "1e-7"),
    "crossentropy-least": (
        "crossentropy",
        lambda t, p: -np.mean(np.sum(t * np.log(np.maximum(p, 1e-12)), axis=1)),
        "1e-7 in this task",
    ),
    "crossentropy-sign": (
        *("crossentropy", lambda t, p: -crossentropy(t, p), "sign is wrong"),
    ),
    "crossentropy-sum": (
        *("crossentropy", lambda t, p: crossentropy(t, p) * len(p), "divide by N"),
    ),
    "crossentropy-all-numbers": (
        *("crossentropy", lambda t, p: crossentropy(t, p) / p.shape[1], "N samples"),
    ),
    "crossentropy-squared": (
        *("crossentropy", lambda t, p: ((t - p) ** 2).mean(), "squared error"),
    ),
    "crossentropy-swapped": (
        *("crossentropy", lambda t, p: crossentropy(p, t), "exchanged"),
    ),
    "crossentropy-log2": (
        *("crossentropy", lambda t, p: crossentropy(t, p) / np.log(2), "natural"),
    ),
    "crossentropy-gradient-no-mean": (
        *("crossentropy_gradient", lambda t, p: -t / p, "1 / N"),
    ),
    "crossentropy-gradient-sign": (
        *("crossentropy_gradient", lambda t, p: t / p / len(p), "sign"),
    ),
    "crossentropy-gradient-logits": (
        *("crossentropy_gradient", lambda t, p: (p - t) / len(p), "by the logits"),
    ),
    "crossentropy-gradient-all": (
        *("crossentropy_gradient", lambda t, p: -1 / p / len(p), "does y_true appear"),
    ),
    "crossentropy-gradient-size": (
        *("crossentropy_gradient", lambda t, p: -t / p / p.size, "samples alone"),
    ),
    "crossentropy-gradient-loss": (
        *("crossentropy_gradient", lambda t, p: -t * np.log(p) / len(p)),
        "terms of the loss",
    ),
    "logits-no-mean": (
        *("softmax_crossentropy_gradient", lambda t, z: softmax(z) - t, "1 / N"),
    ),
    "logits-sign": (
        *("softmax_crossentropy_gradient", lambda t, z: (t - softmax(z)) / len(z)),
        "sign",
    ),
    "logits-no-softmax": (
        *("softmax_crossentropy_gradient", lambda t, z: (z - t) / len(z)),
        "softmax is missing",
    ),
    "logits-no-target": (
        *("softmax_crossentropy_gradient", lambda t, z: softmax(z) / len(z)),
        "y_true is missing",
    ),
    "logits-overflow": (
        "softmax_crossentropy_gradient",
        lambda t, z: (np.exp(z) / np.exp(z).sum(axis=1)[:, X] - t) / len(z),
        "overflows",
    ),
    "logits-of-probabilities": (
        *("softmax_crossentropy_gradient", lambda t, z: -t / softmax(z) / len(z)),
        "gradient by the probabilities",
    ),
    "sgd-uphill": (
        *("sgd_step", lambda w, dw, v, a, b: (w + b * v + a * dw, b * v + a * dw)),
        "uphill",
    ),
    "sgd-pytorch": ("sgd_step", pytorch, "form of momentum"),
    "sgd-no-momentum": (
        *("sgd_step", lambda w, dw, v, a, b: (w - a * dw, b * v - a * dw)),
        "step before is missing",
    ),
    "sgd-old-velocity": (
        *("sgd_step", lambda w, dw, v, a, b: (w + v, b * v - a * dw)),
        "use the new one",
    ),
    "sgd-rate-twice": (
        "sgd_step",
        lambda w, dw, v, a, b: (w + a * (b * v - a * dw), b * v - a * dw),
        "used twice",
    ),
    "sgd-damped": (
        *("sgd_step", lambda w, dw, v, a, b: (w + b * v - (1 - b) * a * dw, v)),
        "moving average",
    ),
    "sgd-in-place": ("sgd_step", in_place_step, r"copy\(\)"),
    "sgd-velocity-kept": (
        *("sgd_step", lambda w, dw, v, a, b: (w + b * v - a * dw, v)),
        "old velocity is returned",
    ),
    "sgd-one-result": (
        *("sgd_step", lambda w, dw, v, a, b: w + b * v - a * dw, "2 results"),
    ),
    "adam-uncorrected": ("adam_step", adam(up="plain", down="plain"), "correction"),
    "adam-only-v": ("adam_step", adam(up="plain"), r"m\^ is not corrected"),
    "adam-only-m": ("adam_step", adam(down="plain"), r"v\^ is not corrected"),
    "adam-no-root": ("adam_step", adam(root=False), "square root"),
    "adam-gradient": ("adam_step", adam(up="gradient"), "moving mean"),
    "adam-epsilon": ("adam_step", adam(epsilon=0), "epsilon is missing"),
    "adam-below-the-root": ("adam_step", adam(inside=1e-7), "below the root"),
    "adam-1e-8": ("adam_step", adam(epsilon=1e-8), "1e-7 in this task"),
    "adam-t": ("adam_step", adam(shift=1), "t is one too large"),
    "adam-corrected-returned": ("adam_step", adam(give="mh"), "next step begins"),
    "adam-no-square": ("adam_step", adam(square=False), "squares of dw"),
    "adam-betas": ("adam_step", adam(betas=(0.999, 0.9)), "exchanged"),
    "flip-rows": ("random_flip", flipped(lambda x: x[::-1]), "upside down"),
    "flip-channels": ("random_flip", flipped(lambda x: x[..., ::-1]), "channels are"),
    "flip-both": ("random_flip", flipped(lambda x: x[::-1, ::-1]), "180 degrees"),
    "flip-batch": ("random_flip", lambda x, rng: x[::-1].copy(), "batch axis"),
    "flip-never": ("random_flip", flip_lost, "No image is ever mirrored"),
    "flip-always": (
        *("random_flip", lambda x, rng: x[:, :, ::-1].copy(), "Every image is mirr"),
    ),
    "flip-together": (
        "random_flip",
        flipped(lambda x: x[:, ::-1], lambda rng: rng.random() < 0.5),
        "needs its own",
    ),
    "flip-rarely": ("random_flip", flip_rarely, "compare a number in"),
    "flip-in-place": ("random_flip", flip_in_place, "no copy"),
    "flip-float64": ("random_flip", flip_to_floats, "you give its dtype"),
    "flip-another-rng": ("random_flip", flip_by_another, "the argument rng"),
}


@pytest.mark.parametrize("name, solution, words", WRONG.values(), ids=WRONG)
def test_a_wrong_function_gets_a_hint_that_fits(name, solution, words):
    report = exercises.check(solution, name)
    assert not report.passed
    said = [one.hint + one.found for one in report if one.verdict == "WRONG"]
    assert any(re.search(words, text) for text in said), report


@pytest.mark.parametrize("name", sorted({name for name, _, _ in WRONG.values()}))
def test_every_exercise_has_five_wrong_solutions(name):
    assert sum(one == name for one, _, _ in WRONG.values()) >= 5
