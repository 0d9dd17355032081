"""Kept tasks: the bits of tasks made anew, on other arrays, in other threads."""

import os
import threading
import weakref

import numba
import numpy as np
import pytest

from sora_np.kernels.activations import relu, sigmoid, softmax
from sora_np.kernels.convolutional import (
    conv2d,
    conv2d_relu_maxpool2d,
    depthwise2d,
    winograd,
    winograd_dw,
)
from sora_np.kernels.core import bias, dense
from sora_np.kernels.losses import softmax_crossentropy
from sora_np.kernels.machine import tasks
from sora_np.kernels.normalization import batch_normalization
from sora_np.kernels.optimizers import adagrad, adam, axpby, clip, nadam, rmsprop, sgd
from sora_np.kernels.pooling import maxpool2d
from sora_np.kernels.preprocessing import affine_warp, gather
from sora_np.kernels.regularization import philox

pytestmark = pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT), reason="NUMBA_DISABLE_JIT=1 keeps nothing"
)
PADS, SQUARE = ((1, 1), (0, 2)), (2, 2)
IMAGES, FILTERS, BIAS = (2, 6, 5, 4), (3, 3, 4, 6), (6,)
Y, TAPS = (2, 6, 5, 6), (3, 3, 1, 4)
CASES = {  # function, shapes of arrays, what follows
    "conv2d": (conv2d.conv2d, (IMAGES, FILTERS, BIAS), ((1, 1), PADS)),
    "conv2d-groups": (conv2d.conv2d, (IMAGES, (3, 3, 2, 6), BIAS), (SQUARE,)),
    "conv2d_dw": (conv2d.conv2d_dw, (IMAGES, Y), (FILTERS, (1, 1), PADS)),
    "conv2d_dx": (conv2d.conv2d_dx, (Y, FILTERS), (IMAGES, (1, 1), PADS)),
    "conv2d-winograd": (conv2d.conv2d, ((2, 18, 18, 64), (3, 3, 64, 32), (32,)), ()),
    "conv2d_dx-winograd": (
        *(conv2d.conv2d_dx, ((2, 16, 16, 32), (3, 3, 64, 32))),
        ((2, 18, 18, 64),),
    ),
    "winograd": (winograd.winograd, (IMAGES, FILTERS, BIAS), (PADS,)),
    "winograd_dw": (winograd_dw.winograd_dw, (IMAGES, Y), (FILTERS, PADS)),
    "depthwise2d": (depthwise2d.depthwise2d, (IMAGES, TAPS, (4,)), ((1, 1), PADS)),
    "depthwise2d_dw": (
        *(depthwise2d.depthwise2d_dw, (IMAGES, IMAGES), (TAPS, (1, 1), PADS)),
    ),
    "depthwise2d_dx": (
        *(depthwise2d.depthwise2d_dx, (IMAGES, TAPS), (IMAGES, (1, 1), PADS)),
    ),
    "conv2d_relu_maxpool2d": (
        *(conv2d_relu_maxpool2d.conv2d_relu_maxpool2d, (IMAGES, FILTERS, BIAS)),
        (SQUARE, (1, 1), PADS),
    ),
    "conv2d_relu_maxpool2d-3x3": (
        *(conv2d_relu_maxpool2d.conv2d_relu_maxpool2d, (IMAGES, FILTERS, BIAS)),
        ((3, 3), (1, 1), PADS),
    ),
    "dense": (dense.dense, ((3, 7), (7, 5), (5,)), ()),
    "dense-row": (dense.dense, ((1, 700), (700, 90), (90,)), ()),
    "dense-deep": (dense.dense, ((8, 1600), (1600, 10), (10,)), ()),
    "dense_dw": (dense.dense_dw, ((3, 7), (3, 5)), ()),
    "dense_dx": (dense.dense_dx, ((3, 5), (7, 5)), ()),
    "dense_dx-few-rows": (dense.dense_dx, ((2, 50), (70, 50)), ()),
    "maxpool2d": (maxpool2d.maxpool2d, (IMAGES,), (SQUARE, SQUARE)),
    "softmax": (softmax.softmax, ((3, 7),), ()),
    "softmax_crossentropy": (
        *(softmax_crossentropy.softmax_crossentropy, ((3, 7), (3, 7)), ()),
    ),
    "softmax_crossentropy_dz": (
        *(softmax_crossentropy.softmax_crossentropy_dz, ((3, 7), (3, 7)), ()),
    ),
    "softmax_crossentropy_and_dz": (
        *(softmax_crossentropy.softmax_crossentropy_and_dz, ((3, 7), (3, 7)), ()),
    ),
    "relu": (relu.relu, ((3, 7),), (0.1, 0.2, 0.5)),
    "relu_dx": (relu.relu_dx, ((3, 7), (3, 7)), (0.1, 0.2, 0.5)),
    "sigmoid": (sigmoid.sigmoid, ((3, 7),), ()),
    "bias_relu_dz": (bias.bias_relu_dz, ((9, 7), (9, 7)), ()),
    "normalize": (batch_normalization.normalize, ((9, 7), *[(7,)] * 4), (1e-3,)),
    "batch_normalization": (
        *(batch_normalization.batch_normalization, ((9, 7), (7,), (7,)), (1e-3,)),
    ),
    "batch_normalization_dx": (
        batch_normalization.batch_normalization_dx,
        ((9, 7), (9, 7), *[(7,)] * 3),
        (1e-3, True),
    ),
    "affine_warp": (affine_warp.affine_warp, (IMAGES,), (np.eye(3)[[[0, 1, 2]] * 2],)),
    "affine_warp_dx": (
        *(affine_warp.affine_warp_dx, (IMAGES,), (np.eye(3)[[[0, 1, 2]] * 2],)),
    ),
    "gather": (gather.gather, ((3, 7),), (np.array([1, 0]), np.ones((2, 7)), 2.0)),
    "normal": (philox.normal, (), (3, 4, np.array([1, 5]), 7)),
    "clip_value": (clip.clip_value, ((7,),), (0.2,)),
    "axpby": (axpby.axpby, ((7,), (7,)), (0.5, -0.1)),
    "sgd": (sgd.sgd, ((7,),) * 3, (0.1, 0.9, True)),
    "adagrad": (adagrad.adagrad, ((7,),) * 3, (0.1, 1e-7)),
    "adam": (adam.adam, ((7,),) * 5, (1, 0.1, 0.9, 0.99, 1e-7, True)),
    "nadam": (nadam.nadam, ((7,),) * 4, (1, 0.4, 0.1, 0.9, 0.99, 1e-7)),
    "rmsprop": (rmsprop.rmsprop, ((7,),) * 5, (0.1, 0.9, 0.5, 1e-3, True)),
}


@pytest.fixture(autouse=True)
def keeping(between_guards, monkeypatch):
    """Guards turn it off; the stand-ins of ``make`` are still full of NaN."""
    monkeypatch.setattr(tasks, "KEPT_BYTES", 1 << 20)
    monkeypatch.setattr(tasks, "_KEPT", {})


def outcome(function, arrays, others):
    """Return the bits of what a function returns and of what it changes."""
    given = [
        np.array(a) if isinstance(a, np.ndarray) else a for a in (*arrays, *others)
    ]
    result = function(*given)
    results = result if isinstance(result, tuple) else (result,)
    every = [a for a in (*results, *given) if isinstance(a, np.ndarray)]
    return [(a.dtype, a.shape, a.tobytes()) for a in every]


@pytest.mark.parametrize("function, shapes, others", CASES.values(), ids=CASES)
def test_the_bits_are_those_of_tasks_made_anew(
    function, shapes, others, dtype, rng, monkeypatch
):
    calls = [[rng.random(shape).astype(dtype) - 0.3 for shape in shapes] for _ in "123"]
    got = [outcome(function, arrays, others) for arrays in calls]
    assert len(tasks._KEPT) == 1, "the second and the third call ran what was kept"
    monkeypatch.setattr(tasks, "KEPT_BYTES", -1)
    assert got == [outcome(function, arrays, others) for arrays in calls]


def test_maxpool2d_dx(rng):
    for _ in range(3):
        x, dy = rng.random(IMAGES), rng.random((2, 3, 2, 4))
        _, argmax = maxpool2d.maxpool2d(x, SQUARE, SQUARE)
        given = argmax, IMAGES, SQUARE, SQUARE
        expected = maxpool2d.maxpool2d_dx_reference(dy, *given)
        np.testing.assert_array_equal(maxpool2d.maxpool2d_dx(dy, *given), expected)


def test_fused_backward(rng, monkeypatch):
    m = conv2d_relu_maxpool2d
    results = []
    calls = [(rng.random(IMAGES), rng.random((2, 2, 1, 6))) for _ in range(3)]
    w = rng.random(FILTERS)
    for size in (1 << 20, -1):
        monkeypatch.setattr(tasks, "KEPT_BYTES", size)
        for x, dy in calls:
            _, argmax = m.conv2d_relu_maxpool2d(x, w, np.zeros(6), SQUARE)
            slopes = m.conv2d_relu_maxpool2d_backward(x, dy, argmax, w, SQUARE)
            results.append([a.tobytes() for a in slopes])
    assert results[:3] == results[3:]


def test_one_array_in_two_places_and_then_two(rng):
    """What was made for one array twice also runs on two, and the other way round."""
    for same in (True, False, True):
        x, y = rng.standard_normal((2, 5))
        y = x if same else y
        expected = 2 * y + 3 * x
        axpby.axpby(y, x, 2.0, 3.0)
        np.testing.assert_allclose(y, expected, rtol=1e-12)
    assert len(tasks._KEPT) == 1


@pytest.mark.parametrize("value", [0.0, -0.0])
def test_zeros_of_either_sign_are_two_keys(value):
    for fill in (0.0, -0.0, value):
        far = np.array([[[1, 0, 9], [0, 1, 9], [0, 0, 1.0]]])
        y = affine_warp.affine_warp(np.ones((1, 2, 2, 1)), far, "constant", fill)
        assert (np.signbit(y) == np.signbit(fill)).all()


def test_arrays_that_are_not_contiguous(rng):
    x = rng.standard_normal((4, 6))
    y = [dense.dense(a, np.ones((4, 2)), np.zeros(2)) for a in (x.T, x.T.copy(), x.T)]
    assert (y[0] == y[1]).all() and (y[0] == y[2]).all() and len(tasks._KEPT) == 1


def test_read_only_and_empty_arrays(rng):
    for rows in (2, 0, 2):
        x = rng.random((rows, 3))
        x.flags.writeable = False
        np.testing.assert_array_equal(relu.relu(x), x)


def test_large_arrays_keep_nothing(rng, monkeypatch):
    relu.relu(rng.random((1 << 17) + 1))
    assert not tasks._KEPT
    given = rng.random((3, 7)), rng.random((7, 5)), np.zeros(5)
    dense.dense(*given)
    (held,) = [program.size for program in tasks._KEPT.values()]
    monkeypatch.setattr(tasks, "THREADS", 1)
    monkeypatch.setattr(tasks, "HELD_BYTES", held)  # of all programs together
    dense.dense(*given)
    assert len(tasks._KEPT) == 1
    relu.relu(rng.random(7))
    dense.dense(rng.random((3, 7)), rng.random((7, 6)), np.zeros(6))
    assert [key[0] for key in tasks._KEPT] == [dense.dense_tasks]
    monkeypatch.setattr(tasks, "HELD_BYTES", held - 1)  # nor does much scratch memory
    tasks._KEPT.clear()
    dense.dense(*given)
    assert not tasks._KEPT


def test_no_more_than_some_are_kept_and_no_array_of_the_caller(rng):
    for size in range(1, tasks.MOST_KEPT + 5):
        x = rng.random(size)
        y = relu.relu(x)
    assert 0 < len(tasks._KEPT) <= tasks.MOST_KEPT
    gone = weakref.ref(x), weakref.ref(y)
    del x, y
    assert [ref() for ref in gone] == [None, None]
    (program,) = [program for key, program in tasks._KEPT.items() if (size,) in key]
    assert not any(task.arguments for task in program.program.tasks)


def test_threads_run_the_same_shapes_side_by_side(rng):
    """Each has its own scratch memory: the bits are those of a thread alone."""
    w, bias_of = rng.random(FILTERS), np.zeros(6)
    xs = rng.random((4, *IMAGES))
    expected = [conv2d.conv2d(x, w, bias_of, (1, 1), PADS).tobytes() for x in xs]
    wrong = []

    def work(number):
        for _ in range(200):
            y = conv2d.conv2d(xs[number], w, bias_of, (1, 1), PADS)
            if y.tobytes() != expected[number]:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_runs_what_its_parent_kept(rng):
    x, w = rng.random((3, 7)), rng.random((7, 5))
    expected = dense.dense(x, w, np.zeros(5))
    child = os.fork()
    if child == 0:
        same = (dense.dense(x.copy(), w, np.zeros(5)) == expected).all()
        os._exit(0 if same else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_what_fails_is_not_kept():
    def make(x):
        raise ValueError("no tasks for this")

    for _ in range(2):
        with pytest.raises(ValueError, match="no tasks for this"):
            tasks.run_kept(make, np.ones(3))
    assert not tasks._KEPT
