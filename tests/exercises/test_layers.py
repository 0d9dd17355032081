"""Exercises that are layers: right ones pass, wrong ones get a hint that fits."""

import re

import numpy as np
import pytest

from sora_np import exercises
from sora_np.layers import (
    Activation,
    Add,
    BatchNormalization,
    Concatenate,
    Conv2D,
    Layer,
    MaxPooling2D,
)

# --- right ones ------------------------------------------------------------------


class Dense(Layer):
    def __init__(self, units, **options):
        super().__init__(**options)
        self.units = units

    def build(self, input_shape, rng, dtype):
        super().build(input_shape, rng, dtype)
        self.params["kernel"] = rng.standard_normal((input_shape[-1], self.units))
        self.params["bias"] = np.zeros(self.units)
        return (self.units,)

    def forward(self, x, *, training=False):
        self.x = x
        return x @ self.params["kernel"] + self.params["bias"]

    def backward(self, dy):
        self.grads["kernel"] = self.x.T @ dy
        self.grads["bias"] = dy.sum(axis=0)
        return dy @ self.params["kernel"].T


class MyConv2D(Layer):
    """As loops over windows."""

    def __init__(self, filters, kernel_size, strides=1, **options):
        super().__init__(**options)
        self.filters, self.kernel_size, self.strides = filters, kernel_size, strides

    def build(self, input_shape, rng, dtype):
        super().build(input_shape, rng, dtype)
        h, w, c = input_shape
        p = self.kernel_size
        self.params["kernel"] = rng.standard_normal((p, p, c, self.filters))
        self.params["bias"] = np.zeros(self.filters)
        oh, ow = ((n - p) // self.strides + 1 for n in (h, w))
        return oh, ow, self.filters

    def windows(self, shape):
        p, s = self.kernel_size, self.strides
        for i in range((shape[1] - p) // s + 1):
            for j in range((shape[2] - p) // s + 1):
                yield i, j, slice(i * s, i * s + p), slice(j * s, j * s + p)

    def forward(self, x, *, training=False):
        self.x = x
        kernel, bias = self.params["kernel"], self.params["bias"]
        places = [*self.windows(x.shape)]
        y = np.zeros((len(x), places[-1][0] + 1, places[-1][1] + 1, self.filters),
                     x.dtype)  # fmt: skip
        for i, j, rows, columns in places:
            y[:, i, j] = np.tensordot(x[:, rows, columns], kernel, 3) + bias
        return y

    def backward(self, dy):
        dx = np.zeros_like(self.x)
        dkernel = np.zeros_like(self.params["kernel"])
        for i, j, rows, columns in self.windows(self.x.shape):
            self.window(dx, dkernel, dy[:, i, j], rows, columns)
        self.grads["kernel"], self.grads["bias"] = dkernel, dy.sum(axis=(0, 1, 2))
        return dx

    def window(self, dx, dkernel, dy, rows, columns):
        dx[:, rows, columns] += np.einsum("no,pqco->npqc", dy, self.params["kernel"])
        dkernel += np.einsum("npqc,no->pqco", self.x[:, rows, columns], dy)


class MyMaxPooling2D(Layer):
    start = -np.inf

    def __init__(self, pool_size=2, strides=None, **options):
        super().__init__(**options)
        self.pool_size, self.strides = pool_size, strides or pool_size

    def build(self, input_shape, rng, dtype):
        super().build(input_shape, rng, dtype)
        sizes = ((n - self.pool_size) // self.strides + 1 for n in input_shape[:2])
        return *sizes, input_shape[2]

    def forward(self, x, *, training=False):
        self.x, p, s = x, self.pool_size, self.strides
        oh, ow = ((n - p) // s + 1 for n in x.shape[1:3])
        y = np.full((len(x), oh, ow, x.shape[3]), self.start, x.dtype)
        for n, i, j, c in np.ndindex(*y.shape):
            for u in range(i * s, i * s + p):
                for v in range(j * s, j * s + p):
                    y[n, i, j, c] = self.better(y[n, i, j, c], x[n, u, v, c])
        return y

    def better(self, a, b):
        return max(a, b)

    def backward(self, dy):
        dx, p, s = np.zeros_like(self.x), self.pool_size, self.strides
        for n, i, j, c in np.ndindex(*dy.shape):
            rows, columns = slice(i * s, i * s + p), slice(j * s, j * s + p)
            window = self.x[n, rows, columns, c]
            self.give(dx[n, rows, columns, c], window, dy[n, i, j, c])
        return dx

    def give(self, dx, window, dy):
        dx[np.unravel_index(window.argmax(), window.shape)] += dy


class MyBatchNormalization(Layer):
    def __init__(self, momentum=0.99, epsilon=0.001, **options):
        super().__init__(**options)
        self.momentum, self.epsilon = momentum, epsilon

    def build(self, input_shape, rng, dtype):
        super().build(input_shape, rng, dtype)
        c = input_shape[-1]
        self.params["gamma"], self.params["beta"] = np.ones(c), np.zeros(c)
        self.state["moving_mean"] = np.zeros(c)
        self.state["moving_variance"] = np.ones(c)
        return input_shape

    def forward(self, x, *, training=False):
        self.axes = tuple(range(x.ndim - 1))
        mean, variance = self.statistics(x) if self.by_batch(training) else (
            self.state["moving_mean"], self.state["moving_variance"]
        )  # fmt: skip
        if training:
            for name, batch in zip(self.state, self.statistics(x), strict=True):
                self.state[name] = self.moved(self.state[name], batch)
        self.x, self.deviation = x, self.root(variance)
        self.hat = (x - mean) / self.deviation
        return self.params["gamma"] * self.hat + self.params["beta"]

    def by_batch(self, training):
        return training

    def statistics(self, x):
        return x.mean(axis=self.axes), x.var(axis=self.axes)

    def moved(self, old, new):
        return self.momentum * old + (1 - self.momentum) * new

    def root(self, variance):
        return np.sqrt(variance + self.epsilon)

    def backward(self, dy):
        self.write((dy * self.hat).sum(axis=self.axes), dy.sum(axis=self.axes))
        return self.params["gamma"] / self.deviation * self.through(dy)

    def write(self, dgamma, dbeta):
        self.grads["gamma"], self.grads["beta"] = dgamma, dbeta

    def through(self, dy):
        mean = dy.mean(axis=self.axes)
        return dy - mean - self.hat * (dy * self.hat).mean(axis=self.axes)


def residual_block(x, filters):
    y = Conv2D(filters, 3, padding="same", activation="relu")(x)
    y = Conv2D(filters, 3, padding="same")(y)
    if x.shape[-1] != filters:
        x = Conv2D(filters, 1)(x)
    return Activation("relu")(Add()([y, x]))


def block_with_normalisation(x, filters):
    y = Conv2D(filters, 3, padding="same", use_bias=False)(x)
    y = Activation("relu")(BatchNormalization()(y))
    y = BatchNormalization()(Conv2D(filters, 3, padding="same")(y))
    if x.shape[-1] != filters:
        x = BatchNormalization()(Conv2D(filters, 1, use_bias=False)(x))
    return Activation("relu")(Add()([x, y]))


RIGHT = {
    "dense": Dense,
    "conv2d": MyConv2D,
    "max_pooling2d": MyMaxPooling2D,
    "batch_normalization": MyBatchNormalization,
    "residual_block": residual_block,
}


@pytest.mark.parametrize("name, solution", RIGHT.items(), ids=RIGHT)
def test_a_right_solution_passes(name, solution):
    report = exercises.check(solution)
    assert report.passed and not report.hints, report
    assert report.exercise == name


@pytest.mark.parametrize(
    "name, solution",
    [
        ("conv2d", Conv2D),
        ("max_pooling2d", MaxPooling2D),
        ("batch_normalization", BatchNormalization),
        ("residual_block", block_with_normalisation),
    ],
)
def test_another_way_to_write_it_passes(name, solution):
    report = exercises.check(solution, name)
    assert report.passed, report


# --- wrong ones: exercise, solution, words of a hint -----------------------------


def changed(cls, **methods):
    return type(cls.__name__, (cls,), methods)


def after(cls, change):
    """Return a class whose ``backward`` ends with ``change(layer, dy, dx)``."""

    def backward(self, dy):
        dx = cls.backward(self, dy)
        other = change(self, dy, dx)
        return dx if other is None else other

    return changed(cls, backward=backward)


def put(name, value):
    """Return a change of one gradient."""

    def change(layer, dy, dx):
        layer.grads[name] = value(layer, dy)

    return change


def dense_forward(change):
    return changed(Dense, forward=lambda s, x, training=False: change(
        s, x, Dense.forward(s, x)))  # fmt: skip


def transposed(self, x, y):
    kernel = self.params["kernel"]
    other = kernel.T if kernel.shape[0] == kernel.shape[1] else kernel
    return x @ other + self.params["bias"]


def last_filter(self, dx, dkernel, dy, rows, columns):
    for n in range(len(dx)):
        for o in range(dy.shape[-1]):
            dx[n, rows, columns] = dy[n, o] * self.params["kernel"][..., o]
    dkernel += np.einsum("npqc,no->pqco", self.x[:, rows, columns], dy)


def replaced(self, dx, dkernel, dy, rows, columns):
    before = dx.copy()
    MyConv2D.window(self, dx, dkernel, dy, rows, columns)
    dx[:, rows, columns] -= before[:, rows, columns]


def turned(self, dx, dkernel, dy, rows, columns):
    kernel = self.params["kernel"][::-1, ::-1]
    dx[:, rows, columns] += np.einsum("no,pqco->npqc", dy, kernel)
    dkernel += np.einsum("npqc,no->pqco", self.x[:, rows, columns], dy)


def dkernel_replaced(self, dx, dkernel, dy, rows, columns):
    MyConv2D.window(self, dx, dkernel, dy, rows, columns)
    dkernel[...] = np.einsum("npqc,no->pqco", self.x[:, rows, columns], dy)


def dkernel_of_last_image(self, dx, dkernel, dy, rows, columns):
    MyConv2D.window(self, dx, np.zeros_like(dkernel), dy, rows, columns)
    dkernel += np.einsum("pqc,o->pqco", self.x[-1, rows, columns], dy[-1])


def last_channel(self, x, *, training=False):
    kernel = self.params["kernel"].copy()
    kernel[:, :, :-1] = 0
    y = MyConv2D.forward(self, x, training=training) - self.params["bias"]
    for i, j, rows, columns in self.windows(x.shape):
        y[:, i, j] = np.tensordot(x[:, rows, columns], kernel, 3)
    return y + self.params["bias"]


def turned_forward(self, x, *, training=False):
    self.params["kernel"] = self.params["kernel"][::-1, ::-1].copy()
    y = MyConv2D.forward(self, x, training=training)
    self.params["kernel"] = self.params["kernel"][::-1, ::-1].copy()
    return y


class WithoutStrides(MyConv2D):
    def build(self, input_shape, rng, dtype):
        self.strides = 1
        return super().build(input_shape, rng, dtype)


class Unstrided(MyConv2D):
    def __init__(self, filters, kernel_size):
        super().__init__(filters, kernel_size)


class WrongNames(Dense):
    def build(self, input_shape, rng, dtype):
        Layer.build(self, input_shape, rng, dtype)
        self.params["weights"] = np.ones((input_shape[-1], self.units))
        return (self.units,)


def give_all(self, dx, window, dy):
    dx += dy * (window == window.max())


def give_last(self, dx, window, dy):
    dx[tuple(np.argwhere(window == window.max())[-1])] += dy


def share(self, dx, window, dy):
    dx += dy * (window == window.max()) / (window == window.max()).sum()


def give_instead(self, dx, window, dy):
    dx[np.unravel_index(window.argmax(), window.shape)] = dy


def mask_instead(self, dx, window, dy):
    dx[...] = dy * (window == window.max())


def give_one(self, dx, window, dy):
    dx[np.unravel_index(window.argmax(), window.shape)] += 1


def give_everywhere(self, dx, window, dy):
    dx += dy


class Untold(MyMaxPooling2D):
    """Windows one apart, whatever strides says."""

    def __init__(self, pool_size=2, strides=None, **options):
        super().__init__(pool_size, strides or 1, **options)


def unbiased(self, x):
    count = x[..., 0].size
    return x.mean(axis=self.axes), x.var(axis=self.axes, ddof=int(count > 1))


def over_batch(self, x):
    return x.mean(axis=0), x.var(axis=0)


def over_all(self, x):
    return x.mean(), x.var()


def without_add(x, filters):
    y = Conv2D(filters, 3, padding="same", activation="relu")(x)
    return Activation("relu")(Conv2D(filters, 3, padding="same")(y))


def side_by_side(x, filters):
    y = Conv2D(filters, 3, padding="same", activation="relu")(x)
    y = Conv2D(filters, 3, padding="same")(y)
    return Activation("relu")(Concatenate()([x, y]))


def block(between="relu", before=None, behind="relu", project="needed", padding="same"):
    def build(x, filters):
        y = Conv2D(filters, 3, padding=padding, activation=between)(x)
        y = Conv2D(filters, 3, padding=padding, activation=before)(y)
        if project == "always" or (project == "needed" and x.shape[-1] != filters):
            x = Conv2D(filters, 1)(x)
        y = Add()([y, x])
        return y if behind is None else Activation(behind)(y)

    return build


def one_convolution(x, filters):
    y = Conv2D(filters, 3, padding="same")(x)
    if x.shape[-1] != filters:
        x = Conv2D(filters, 1)(x)
    return Activation("relu")(Add()([y, x]))


WRONG = {
    "dense-no-bias": (
        "dense",
        dense_forward(lambda s, x, y: y - s.params["bias"]),
        "bias is missing in y",
    ),
    "dense-transposed": ("dense", dense_forward(transposed), "transposed in forward"),
    "dense-dx": (
        "dense",
        after(
            Dense,
            lambda s, dy, dx: (
                dy @ s.params["kernel"] if dy.shape[1] == dx.shape[1] else dx
            ),
        ),
        "not transposed in backward",
    ),
    "dense-dx-not-fitting": (
        "dense",
        after(Dense, lambda s, dy, dx: dy @ s.params["kernel"]),
        "print what this line uses",
    ),
    "dense-mean": (
        "dense",
        after(Dense, put("kernel", lambda s, dy: s.x.T @ dy / len(dy))),
        "mean over the batch",
    ),
    "dense-dbias-mean": (
        "dense",
        after(Dense, put("bias", lambda s, dy: dy.mean(axis=0))),
        "mean over the batch",
    ),
    "dense-dbias-not-summed": (
        "dense",
        after(Dense, put("bias", lambda s, dy: dy)),
        "over which axes must you add",
    ),
    "dense-dbias-one": (
        "dense",
        after(Dense, put("bias", lambda s, dy: np.ones(dy.shape[1]))),
        "dy is missing in dbias",
    ),
    "dense-names": ("dense", WrongNames, "Make the arrays of self.params in build"),
    "dense-list": ("dense", dense_forward(lambda s, x, y: y.tolist()), "got list"),
    "dense-accumulates": (
        "dense",
        after(Dense, lambda s, dy, dx: s.grads["bias"].__iadd__(np.nan) and None),
        "NaN",
    ),
    "conv-turned": ("conv2d", changed(MyConv2D, forward=turned_forward), "in forward"),
    "conv-dx-turned": (
        "conv2d",
        changed(MyConv2D, window=turned),
        "kernel must be tur",
    ),
    "conv-dx-replaced": ("conv2d", changed(MyConv2D, window=replaced), "overwrites"),
    "conv-dx-last-filter": (
        "conv2d",
        changed(MyConv2D, window=last_filter),
        "overwrites|last filter",
    ),
    "conv-dkernel-replaced": (
        "conv2d",
        changed(MyConv2D, window=dkernel_replaced),
        "last window",
    ),
    "conv-dkernel-last-image": (
        "conv2d",
        changed(MyConv2D, window=dkernel_of_last_image),
        "last image",
    ),
    "conv-last-channel": (
        "conv2d",
        changed(MyConv2D, forward=last_channel),
        "adds up all channels",
    ),
    "conv-dbias-mean": (
        "conv2d",
        after(MyConv2D, put("bias", lambda s, dy: dy.mean(axis=(0, 1, 2)))),
        "mean over images and places",
    ),
    "conv-dkernel-mean": (
        "conv2d",
        after(MyConv2D, put("kernel", lambda s, dy: s.grads["kernel"] / len(dy))),
        "mean over the batch",
    ),
    "conv-dkernel-turned": (
        "conv2d",
        after(MyConv2D, put("kernel", lambda s, dy: s.grads["kernel"][::-1, ::-1])),
        "dkernel is rotated",
    ),
    "conv-strides-lost": ("conv2d", WithoutStrides, "strides are not used"),
    "conv-no-strides": ("conv2d", Unstrided, "by these names"),
    "pool-zeros": (
        "max_pooling2d",
        changed(MyMaxPooling2D, start=0.0),
        "must not be 0",
    ),
    "pool-smallest": (
        "max_pooling2d",
        changed(MyMaxPooling2D, start=np.inf, better=lambda self, a, b: min(a, b)),
        "smallest number",
    ),
    "pool-all": ("max_pooling2d", changed(MyMaxPooling2D, give=give_all), "every one"),
    "pool-last": ("max_pooling2d", changed(MyMaxPooling2D, give=give_last), "the last"),
    "pool-share": ("max_pooling2d", changed(MyMaxPooling2D, give=share), "was shared"),
    "pool-instead": (
        "max_pooling2d",
        changed(MyMaxPooling2D, give=give_instead),
        "overwrites",
    ),
    "pool-mask": (
        "max_pooling2d",
        changed(MyMaxPooling2D, give=mask_instead),
        "overwrites",
    ),
    "pool-one": ("max_pooling2d", changed(MyMaxPooling2D, give=give_one), "chain rule"),
    "pool-everywhere": (
        "max_pooling2d",
        changed(MyMaxPooling2D, give=give_everywhere),
        "All of the window",
    ),
    "pool-strides": ("max_pooling2d", Untold, "pool_size apart"),
    "bn-unbiased": (
        "batch_normalization",
        changed(MyBatchNormalization, statistics=unbiased),
        "M - 1",
    ),
    "bn-epsilon": (
        "batch_normalization",
        changed(MyBatchNormalization, root=lambda s, v: np.sqrt(v) + s.epsilon),
        "below the root",
    ),
    "bn-no-root": (
        "batch_normalization",
        changed(MyBatchNormalization, root=lambda s, v: v + s.epsilon),
        "square root",
    ),
    "bn-always-batch": (
        "batch_normalization",
        changed(MyBatchNormalization, by_batch=lambda s, training: True),
        "look at training",
    ),
    "bn-never-batch": (
        "batch_normalization",
        changed(MyBatchNormalization, by_batch=lambda s, training: False),
        "look at training",
    ),
    "bn-momentum": (
        "batch_normalization",
        changed(
            MyBatchNormalization,
            moved=lambda s, old, new: (1 - s.momentum) * old + s.momentum * new,
        ),
        "share of the old",
    ),
    "bn-not-moved": (
        "batch_normalization",
        changed(MyBatchNormalization, moved=lambda s, old, new: old),
        "does not change",
    ),
    "bn-dx": (
        "batch_normalization",
        changed(MyBatchNormalization, through=lambda s, dy: dy),
        "mean and variance depend on every x",
    ),
    "bn-dx-mean": (
        "batch_normalization",
        changed(
            MyBatchNormalization,
            through=lambda s, dy: dy - s.hat * (dy * s.hat).mean(axis=s.axes),
        ),
        "through the mean",
    ),
    "bn-dx-variance": (
        "batch_normalization",
        changed(MyBatchNormalization, through=lambda s, dy: dy - dy.mean(axis=s.axes)),
        "through the variance",
    ),
    "bn-dgamma": (
        "batch_normalization",
        after(
            MyBatchNormalization,
            put("gamma", lambda s, dy: (dy * s.x).sum(axis=s.axes)),
        ),
        "dgamma uses x",
    ),
    "bn-exchanged": (
        "batch_normalization",
        changed(
            MyBatchNormalization,
            write=lambda s, g, b: MyBatchNormalization.write(s, b, g),
        ),
        "exchanged",
    ),
    "bn-axes": (
        "batch_normalization",
        changed(MyBatchNormalization, statistics=over_all),
        "over which axes",
    ),
    "block-no-add": ("residual_block", without_add, r"Add\(\)"),
    "block-side-by-side": ("residual_block", side_by_side, "channels are concatenated"),
    "block-no-projection": ("residual_block", block(project="never"), "1 x 1"),
    "block-always-projects": ("residual_block", block(project="always"), "x itself"),
    "block-no-relu-behind": ("residual_block", block(behind=None), "after the sum"),
    "block-no-relu-between": ("residual_block", block(between=None), "between the two"),
    "block-relu-before": ("residual_block", block(before="relu"), "before the sum"),
    "block-one-convolution": ("residual_block", one_convolution, "two convolutions"),
    "block-valid": ("residual_block", block(padding="valid"), "1 x 1|padding"),
    "block-none": ("residual_block", lambda x, filters: None, "return at the end"),
}


@pytest.mark.parametrize("name, solution, words", WRONG.values(), ids=WRONG)
def test_a_wrong_solution_gets_a_hint_that_fits(name, solution, words):
    report = exercises.check(solution, name)
    assert not report.passed
    said = [one.hint + one.found for one in report if one.verdict == "WRONG"]
    assert any(re.search(words, text) for text in said), report


@pytest.mark.parametrize("name", RIGHT)
def test_every_exercise_has_five_wrong_solutions(name):
    assert sum(one == name for one, _, _ in WRONG.values()) >= 5
