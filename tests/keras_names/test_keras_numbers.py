"""Layers with ``call``, Lambdas, symbols and functions against Keras 3.15's numbers.

KERAS has the losses of three steps of SGD(0.1) and then sum |w| of every weight, as
Keras gives them with TensorFlow for the same programs.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sora_np import keras
from sora_np.keras import layers, ops

X = ((np.arange(24).reshape(6, 4) % 7 - 3) / 4).astype("f4")
Y = (np.arange(6) % 3 - 1).astype("f4")[:, None]


class Attention(layers.Layer):
    def build(self, input_shape):
        shape = input_shape[-1], 1
        self.w = self.add_weight(name="w", shape=shape, initializer="zeros")
        shape = input_shape[1], 1
        self.b = self.add_weight(name="b", shape=shape, initializer="zeros")

    def call(self, x):
        e = ops.tanh(ops.matmul(x, self.w) + self.b)
        a = ops.softmax(ops.squeeze(e, -1))
        return ops.sum(x * ops.expand_dims(a, -1), axis=1)

    def compute_output_shape(self, input_shape):
        return input_shape[0], input_shape[-1]


def attention():
    x = keras.Input((2, 2))
    y = layers.Dense(1)(Attention()(layers.Dense(2)(x)))
    return keras.Model(x, y), X.reshape(6, 2, 2), Y


def siamese():
    def distance(pair):
        squares = ops.sum(ops.square(pair[0] - pair[1]), axis=1, keepdims=True)
        return ops.sqrt(squares + 1e-3)

    a, b = keras.Input((4,)), keras.Input((4,))
    base = layers.Dense(3, activation="tanh")
    y = layers.Lambda(distance, output_shape=(1,))([base(a), base(b)])
    return keras.Model([a, b], y), [X, X[::-1].copy()], np.abs(Y)


def symbols():
    x = keras.Input((4,))
    h = layers.Dense(4)(x)
    y = ops.maximum(h, 0.1 * h) * ops.flip(x, 1)
    rest = ops.mean(y, axis=1, keepdims=True) / (1 + ops.exp(-h[:, 1:2]))
    y = ops.concatenate([y[:, :2], rest], axis=-1)
    return keras.Model(x, layers.Dense(1)(y)), X, Y


def functions():
    def swish(x):
        return x * ops.sigmoid(1.5 * x)

    def cubes(w):
        return 0.1 * ops.sum(ops.abs(w) ** 3)

    first = layers.Dense(3, activation=swish, kernel_regularizer=cubes)
    return keras.Sequential([keras.Input((4,)), first, layers.Dense(1)]), X, Y


KERAS = {
    attention: (
        [0.646386, 0.623345, 0.6117886],
        [1.070934, 0.807187, 0.758353, 0.750065, 0.841815, 0.426214],
    ),
    siamese: ([0.3439473, 0.2923187, 0.2491761], [3.668961, 0.786265]),
    symbols: (
        [0.9193333, 0.8263925, 0.7668793],
        [4.995171, 1.007143, 0.75455, 0.252196],
    ),
    functions: (
        [0.8891937, 0.8154948, 0.7676713],
        [3.621671, 0.765474, 0.850607, 0.294852],
    ),
}


@pytest.mark.parametrize("fuse", [True, False], ids=["plan", "layers"])
@pytest.mark.parametrize("make", KERAS, ids=lambda make: make.__name__)
def test_three_steps(make, fuse):
    model, x, y = make()
    losses, sizes = KERAS[make]
    model.set_weights(
        [(np.arange(w.size).reshape(w.shape) % 5 - 2) / 4 for w in model.get_weights()]
    )
    model.compile(keras.optimizers.SGD(0.1), "mse", fuse=fuse)
    found = [model.train_on_batch(x, y) for _ in range(3)]
    assert_allclose(found, losses, rtol=2e-6)
    weights = [np.abs(w).sum() for w in model.get_weights()]
    assert_allclose(weights, sizes, rtol=2e-6)
