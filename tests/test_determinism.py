"""Same seed, same bits: for any number of threads, either threading layer, any process.

And every source of chance draws from a stream of its own: no layer, no shuffling and no
evaluation moves the numbers of another.
"""

import os
import subprocess
import sys

import numba
import numpy as np
import pytest

from sora_np import Dense, Dropout, Flatten, Layer, Sequential
from sora_np.optimizers import SGD

# --- bits -----------------------------------------------------------------------------

TWENTY_STEPS = """
import hashlib, numba, numpy as np
from sora_np import (
    AveragePooling2D, BatchNormalization, Conv2D, Conv2DTranspose, Dense, Dropout,
    Flatten, GaussianNoise, MaxPool, RandomRotation, RandomZoom, ReLU, SeparableConv2D,
    Sequential,
)
from sora_np.sora_model import create_sora_model

rng = np.random.default_rng(0)
x, y = rng.random((100, 28, 28, 1), np.float32), rng.integers(0, 10, 100)

def digest(model, x, y):
    model.fit(x, y, batch_size=5, verbose=0)  # 20 steps
    assert model.optimizer.iterations == 20
    weights = b"".join(w.tobytes() for w in model.get_weights())
    return hashlib.sha256(weights).hexdigest()

def small(**options):
    model = Sequential([
        RandomRotation(0.1), RandomZoom(0.1), GaussianNoise(0.01),
        Conv2D(5, 3, activation="relu"), MaxPool(2), BatchNormalization(), ReLU(),
        Conv2D(33, 3, padding="same"), Dropout(0.3), Conv2D(33, 3, 2, groups=33),
        SeparableConv2D(9, 2, padding="same", depth_multiplier=2),
        Conv2DTranspose(5, 3, 2, activation="tanh"), AveragePooling2D(3, 2, "same"),
        Flatten(), Dense(19, "relu"), Dropout(0.5), Dense(10, "softmax"),
    ])
    model.compile("adam", "sparse_categorical_crossentropy", **options)
    return digest(model, x[:, :14, :14], y)

for threads in range(1, numba.get_num_threads() + 1):
    numba.set_num_threads(threads)
    print("plan", small())
    print("layers", small(fuse=False))
    print("reference", digest(create_sora_model((28, 28, 1)), x, np.eye(10)[y]))
print("layer", numba.threading_layer())
"""


def twenty_steps(threads, layer):
    """Return what a fresh process says of three models' weights after 20 steps."""
    environment = {"NUMBA_NUM_THREADS": threads, "NUMBA_THREADING_LAYER": layer}
    done = subprocess.run(
        [sys.executable, "-c", TWENTY_STEPS],
        env=os.environ | environment | {"OMP_WAIT_POLICY": "passive"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return [line.split() for line in done.stdout.splitlines()]


@pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT), reason="NUMBA_DISABLE_JIT=1 starts no threads"
)
def test_same_bits_for_any_number_of_threads_in_any_process():
    """1 to 4 threads of each layer; and processes that have no more than 1 or 3."""
    said = [
        line
        for threads, layer in (
            *(("4", "default"), ("4", "workqueue")),
            *(("1", "default"), ("3", "default")),
        )
        for line in twenty_steps(threads, layer)
    ]
    bits = {}
    for name, value in said:
        bits.setdefault(name, []).append(value)
    layers = set(bits.pop("layer"))
    assert "workqueue" in layers and len(layers) == 2, layers
    assert {name: len(values) for name, values in bits.items()} == dict.fromkeys(
        ("plan", "layers", "reference"), 4 + 4 + 1 + 3
    )
    assert all(len(set(values)) == 1 for values in bits.values()), bits


# --- streams --------------------------------------------------------------------------


class Seen(Layer):
    """Notes what comes by in training, and lets it through."""

    def __init__(self, **options):
        super().__init__(**options)
        self.batches = []

    def forward(self, x, *, training=False):
        if training:
            self.batches.append(np.array(x))
            self.remember(x)
        return self.check_input(x)

    def backward(self, dy):
        return self.recall(dy)[0]


def order_and_masks(*behind, before=(), fit=None, **options):
    """Train; return the order of the samples, and which entries a Dropout let pass."""
    order, passed = Seen(), Seen()
    model = Sequential(
        [order, *before, Dropout(0.5), passed, Flatten(), *behind], **options
    )
    model.add(Dense(1))
    model.compile(SGD(1e-9), "mse")
    x = np.ones((12, 5)) * np.arange(1, 13)[:, None]
    model.fit(x, x[:, 0], **{"batch_size": 5, "epochs": 2, "verbose": 0} | (fit or {}))
    return (
        [batch[:, 0].tolist() for batch in order.batches],
        [(batch != 0).tolist() for batch in passed.batches],
    )


def test_the_seed_decides_both():
    order, masks = order_and_masks(seed=1)
    assert (order, masks) == order_and_masks(seed=1)
    other_order, other_masks = order_and_masks(seed=2)
    assert order != other_order and masks != other_masks


@pytest.mark.parametrize(
    "behind",
    [[Dense(3)], [Dropout(0.9)], [Dense(3), Dropout(0.1), Dense(2)]],
    ids=["dense", "dropout", "both"],
)
def test_layers_behind_move_neither_order_nor_masks(behind):
    assert order_and_masks() == order_and_masks(*behind)


def test_layers_before_do_not_move_the_order():
    order, _ = order_and_masks()
    assert order == order_and_masks(before=[Dropout(0.1), Dense(5)])[0]


@pytest.mark.parametrize(
    "fit",
    [
        {"shuffle": False},
        {"validation_data": (np.ones((7, 5)), np.ones(7))},
        {"callbacks": []},
    ],
    ids=["no-shuffling", "validation", "callbacks"],
)
def test_shuffling_and_validation_move_no_masks(fit):
    (order, masks), (other, same) = order_and_masks(), order_and_masks(fit=fit)
    assert masks == same
    assert (order == other) == ("shuffle" not in fit)


def test_predicting_between_batches_moves_nothing():
    def trained(between):
        model = Sequential([Dropout(0.5, input_shape=(4,)), Dense(2)])
        model.compile("sgd", "mse")
        x, y = np.ones((6, 4)), np.ones((6, 2))
        for _ in range(3):
            model.train_on_batch(x, y)
            between(model, x, y)
        return model.get_weights()

    quiet = trained(lambda model, x, y: None)
    busy = trained(
        lambda model, x, y: (model.predict(x, verbose=0), model.test_on_batch(x, y))
    )
    for a, b in zip(quiet, busy, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_dropout_of_ones_own_seed_leaves_the_models_stream_alone():
    own = Sequential([Dropout(0.5, seed=7, input_shape=(99,)), Dropout(0.5)], seed=0)
    plain = Sequential([Dropout(0.5, input_shape=(99,)), Dropout(0.5)], seed=0)
    x = np.ones((1, 99))
    first, second = (
        [layer.forward(x, training=True) for layer in model.layers]
        for model in (own, plain)
    )
    assert (first[0] != second[0]).any()
    np.testing.assert_array_equal(first[1], second[1])
