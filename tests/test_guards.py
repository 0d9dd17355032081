"""The guards of guards.py are seen to catch; whole models train between them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import guards
import numba
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sora_np import (
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    MaxPool,
    ReLU,
    Rescaling,
    Sequential,
)
from sora_np.kernels.machine.arrays import jit
from sora_np.kernels.machine.tasks import Program, Task
from sora_np.kernels.machine.tile import tile_load, tile_rows, tile_store
from sora_np.optimizers import SGD, Adam, RMSprop

ROOT = Path(__file__).parents[1]
needs_jit = pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT), reason="NUMBA_DISABLE_JIT=1 checks indices instead"
)
SIDES = {"after": 8, "before": -1}  # of arrays of 8 numbers: the place outside


@jit()
def copy(item, thread, x, source, y, target):
    number = tile_load(x, tile_rows(source, 0, 1), 1, 1)
    tile_store(y, tile_rows(target, 0, 1), number, 1)


def copied(source, target):
    x, y = np.arange(8.0), np.zeros(8)
    guards.run_guarded(Program([Task(copy, 1, x, source, y, target)]))
    return y[0]


# --- the guards -----------------------------------------------------------------


def test_what_is_inside_is_let_through():
    assert copied(5, 0) == 5


@needs_jit
@pytest.mark.skipif(guards.CLOSED is not None, reason="that page is closed")
@pytest.mark.parametrize("side", SIDES)
def test_a_number_from_outside_is_nan_and_one_outside_is_seen(side):
    assert np.isnan(copied(SIDES[side], 0))
    with pytest.raises(AssertionError, match=f"8 bytes {side} an array were written"):
        copied(0, SIDES[side])


@needs_jit
@pytest.mark.skipif(sys.platform != "linux", reason="pages are closed by mprotect")
@pytest.mark.parametrize("arguments", ["{}, 0", "0, {}"], ids=["read", "write"])
@pytest.mark.parametrize("side", SIDES)
def test_a_closed_page_ends_the_process(side, arguments):
    imports, call = "from test_guards import *", arguments.format(SIDES[side])
    program = f"{imports}; print(copied(5, 0)); copied({call})"
    done = subprocess.run(
        [sys.executable, "-uc", program],
        env=os.environ | {"GUARDS": side, "PYTHONPATH": f"{ROOT}:{ROOT}/tests"},
        capture_output=True,
        text=True,
    )
    assert (done.stdout, done.returncode) == ("5.0\n", -signal.SIGSEGV), done.stderr


@jit()
def last_by_minus_one(item, thread, x, y):
    y[0] = x[item - 1]


@pytest.mark.skipif(not numba.config.DISABLE_JIT, reason="needs NUMBA_DISABLE_JIT=1")
def test_without_the_jit_indices_are_checked():
    for source, target in ((8, 0), (-1, 0), (0, 8), (0, -1)):
        with pytest.raises(IndexError, match="in an array of size 8"):
            copied(source, target)
    with pytest.raises(IndexError, match="index -1 counts from the end"):
        guards.run_guarded(
            Program([Task(last_by_minus_one, 1, np.ones(3), np.ones(3))])
        )


# --- models between them ----------------------------------------------------------

MODELS = {
    "fused": lambda: [
        *(Rescaling(0.5, -0.1), Conv2D(5, 3, activation="relu"), MaxPool(2)),
        *(Conv2D(17, 2, padding="same"), ReLU(), Flatten(), Dense(9, "relu")),
    ],
    "pool-overlaps": lambda: [
        *(Conv2D(3, (2, 3), 2, activation="tanh"), MaxPool(2, 1), Flatten()),
    ],
    "groups": lambda: [
        *(Conv2D(4, 3, groups=2, activation="relu"), MaxPool(2, padding="same")),
        *(Conv2D(4, 3, groups=4, padding="same", dilation_rate=2), Flatten()),
    ],
    "list-of-layers": lambda: [
        *(Conv2D(6, 3, use_bias=False), BatchNormalization(), Dropout(0.3)),
        *(ReLU(negative_slope=0.1), Flatten()),
    ],
}


@pytest.mark.parametrize("fuse", [True, False], ids=["plan", "layers"])
@pytest.mark.parametrize(
    "optimizer",
    [SGD(0.1, 0.9), RMSprop(centered=True), Adam(amsgrad=True)],
    ids=lambda optimizer: optimizer.name,
)
@pytest.mark.parametrize("layers", MODELS.values(), ids=MODELS)
def test_models_train_to_the_same_bits_between_guards(
    layers, optimizer, fuse, rng, monkeypatch
):
    x, y = rng.integers(0, 255, (7, 8, 7, 2)).astype(np.uint8), rng.integers(0, 3, 7)

    def trained():
        model = Sequential([*layers(), Dense(3, "softmax")])
        step = type(optimizer)(**optimizer.get_config())
        model.compile(step, "sparse_categorical_crossentropy", fuse=fuse)
        model.fit(x / np.float32(255), y, batch_size=3, epochs=2, verbose=0)
        weights = [*model.get_weights(), model.predict(x[:4], verbose=0)]
        assert all(np.isfinite(w).all() for w in weights)
        return weights

    expected = trained()
    guards.install(monkeypatch)
    for actual, wanted in zip(trained(), expected, strict=True):
        assert_array_equal(actual, wanted)
