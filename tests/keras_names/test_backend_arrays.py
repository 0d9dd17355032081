"""Keras 2's functions of arrays, and ``keras.ops`` and ``keras.random``.

The expected numbers are NumPy's, written out, or Keras 3.15's where that is said.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sora_np import keras
from sora_np.common.recorded import Recorded, gradient
from sora_np.keras import backend as K
from sora_np.keras import ops

X = np.array([[3.0, 4.0], [0.0, -2.0]])


def test_names_and_defaults_of_keras_2():
    assert_allclose(K.l2_normalize(X, axis=1), [[0.6, 0.8], [0, -1]])
    assert_allclose(K.l2_normalize(X), X / np.sqrt(29))
    assert_array_equal(K.repeat(X, 2)[1], [[0, -2], [0, -2]])
    assert_array_equal(K.repeat_elements(X, 2, axis=1)[0], [3, 3, 4, 4])
    assert_array_equal(K.reverse(X, 1)[0], [4, 3])
    assert_array_equal(K.cumsum(X)[1], [3, 2])
    assert_array_equal(K.gather(X, [1, 0, 1])[:, 1], [-2, 4, -2])
    assert_array_equal(K.sqrt([-1.0, 4.0]), [0, 2])
    assert_array_equal(K.relu(X, alpha=0.5, max_value=3)[:, 1], [3, -1])
    assert_array_equal(K.switch([True, False], X, lambda: -X), [[3, 4], [0, 2]])
    assert_array_equal(K.arange(3), [0, 1, 2])
    assert_array_equal(K.constant(2, shape=(2,)), [2, 2])
    assert K.variable([1]).dtype == K.eye(2).dtype == K.zeros((2,)).dtype == "float32"
    assert_array_equal(K.batch_dot(X, X, 1), [[25], [4]])
    stack = np.arange(12.0).reshape(2, 2, 3)
    assert_array_equal(K.batch_dot(stack, stack, (2, 2)), stack @ stack.swapaxes(1, 2))
    assert_array_equal(K.batch_dot(X, stack), np.einsum("ni,nij->nj", X, stack))
    assert K.is_keras_tensor(keras.Input((2,))) and not K.is_keras_tensor(X)
    half = np.array([[0.25, 0.75]])
    expected = -np.log([0.75])
    assert_allclose(K.sparse_categorical_crossentropy(np.array([1]), half), expected)
    assert_allclose(K.sparse_categorical_crossentropy(np.array([[1]]), half), expected)


def test_ops():
    assert_allclose(ops.logsumexp(X, axis=1), np.log(np.exp(X).sum(1)))
    assert ops.logsumexp(X, keepdims=True).shape == (1, 1)
    assert_allclose(ops.log_sigmoid(X), np.log(1 / (1 + np.exp(-X))))
    assert_allclose(ops.normalize(X, order=1), [[3 / 7, 4 / 7], [0, -1]])
    assert_allclose(ops.rsqrt(X[0]), X[0] ** -0.5)
    assert_array_equal(ops.divide_no_nan(X, X), [[1, 1], [0, 1]])
    assert_array_equal(ops.unstack(X, axis=1)[0], X[:, 0])
    assert_array_equal(ops.get_item(X, (0, slice(None))), X[0])
    assert ops.is_tensor(X) and not ops.is_tensor([1.0])
    assert ops.one_hot([1, 0], 3, axis=0).shape == (3, 2)
    missing = {name for name in ops.__all__ if not hasattr(ops, name)}
    assert not missing


@pytest.mark.parametrize(
    "function",
    [
        *(K.l2_normalize, K.sqrt, K.relu, K.log, K.softmax, ops.logsumexp),
        *(ops.log_sigmoid, ops.normalize, ops.rsqrt, ops.silu, K.cumsum, ops.erf),
        *(lambda x: K.batch_dot(x, x * x, 1), lambda x: K.repeat_elements(x, 2, 1)),
        *(lambda x: K.dot(x, np.ones((3, 2))), lambda x: K.gather(x, [1, 1])),
        *(lambda x: ops.divide_no_nan(x, x + 1), lambda x: K.switch(x > 1, x, x * x)),
        lambda x: K.stack(ops.unstack(x * x, axis=1), axis=0),
        lambda x: K.sparse_categorical_crossentropy(np.array([1, 0]), x),
    ],
)
def test_they_have_derivatives(function, rng):
    x = rng.random((2, 3)) + 0.5
    recorded = Recorded(x)
    y = function(recorded)
    dy = rng.standard_normal(y.shape)
    dx = gradient(y, recorded, dy)
    e = rng.standard_normal(x.shape)

    def value(t):
        return (function(Recorded(x + t * e)).value * dy).sum()

    numeric = (value(1e-6) - value(-1e-6)) / 2e-6
    assert_allclose((dx * e).sum(), numeric, rtol=1e-6)


def test_no_gradient_goes_through_stop_gradient():
    x = Recorded(X)
    y = x * K.stop_gradient(x)
    assert_array_equal(y.value, X * X)
    assert_array_equal(gradient(y, x), X)


def test_random_numbers():
    keras.utils.set_random_seed(3)
    first = K.random_normal((4, 5), mean=2.0, stddev=0.5)
    keras.utils.set_random_seed(3)
    assert_array_equal(first, keras.random.normal((4, 5), 2.0, 0.5))
    assert first.dtype == "float32"
    many = keras.random.truncated_normal((10000,), 1.0, 2.0, seed=1)
    assert np.abs(many - 1).max() <= 4
    # the standard deviation of a standard normal number within -2 and 2
    assert_allclose(many.std() / 2, 0.8796, atol=0.02)
    whole = keras.random.randint((1000,), -1, 2, seed=1)
    assert {*whole.tolist()} == {-1, 0, 1} and whole.dtype == "int32"
    assert sorted(keras.random.shuffle([3, 1, 2], seed=1)) == [1, 2, 3]
    assert K.random_uniform((100,), 2.0, 3.0).min() >= 2
