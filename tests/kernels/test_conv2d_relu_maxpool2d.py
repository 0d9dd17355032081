import numba
import numpy as np
import pytest

from sora_np.kernels.convolutional import conv2d
from sora_np.kernels.convolutional import conv2d_relu_maxpool2d as k
from sora_np.kernels.loops import sweeps
from sora_np.kernels.machine import tasks
from sora_np.kernels.machine.tasks import Program, run

NONE, SAME = ((0, 0), (0, 0)), ((1, 1), (1, 1))
CASES = {  # id: x shape, w shape, pooling window, strides, pads, dilation
    "plain": ((2, 8, 8, 3), (3, 3, 3, 5), (2, 2), (1, 1), NONE, (1, 1)),
    "remainder": ((2, 7, 6, 3), (3, 3, 3, 5), (2, 2), (1, 1), NONE, (1, 1)),
    "one-channel": ((17, 6, 6, 1), (3, 3, 1, 32), (2, 2), (1, 1), NONE, (1, 1)),
    "padded": ((4, 6, 6, 20), (3, 3, 20, 34), (2, 2), (1, 1), SAME, (1, 1)),
    "many-images": ((9, 4, 5, 9), (3, 3, 9, 3), (2, 2), (1, 1), NONE, (1, 1)),
    "strides": (
        *((1, 12, 9, 4), (3, 2, 4, 6), (2, 3), (2, 1)),
        *(((1, 1), (0, 1)), (1, 1)),
    ),
    "dilation": (
        *((3, 10, 11, 2), (2, 2, 2, 3), (3, 2), (1, 1)),
        *(((0, 1), (1, 1)), (2, 2)),
    ),
    "long-runs": ((2, 9, 9, 40), (5, 5, 40, 3), (2, 2), (1, 1), NONE, (1, 1)),
    "one-tap": ((1, 4, 4, 2), (1, 1, 2, 1), (4, 4), (1, 1), NONE, (1, 1)),
    "words-overlap": ((1, 5, 5, 9), (3, 3, 9, 96), (2, 2), (1, 1), NONE, (1, 1)),
    "no-images": ((0, 6, 6, 2), (3, 3, 2, 3), (2, 2), (1, 1), NONE, (1, 1)),
}


@pytest.fixture(params=CASES.values(), ids=CASES)
def problem(request, dtype, rng, monkeypatch):
    monkeypatch.setattr(conv2d, "WORK", 500)  # Winograd's way too, in small
    x_shape, w_shape, *window = request.param
    # whole numbers: sums are exact, so maxima tie and argmax is the same in any order
    x, w = (rng.integers(-3, 4, shape).astype(dtype) for shape in (x_shape, w_shape))
    bias = rng.integers(-9, 4, w_shape[3]).astype(dtype)
    return x, w, bias, window


def test_forward_is_the_formula(problem, close):
    x, w, bias, window = problem
    y, argmax = k.conv2d_relu_maxpool2d(x, w, bias, *window)
    expected, places = k.conv2d_relu_maxpool2d_reference(x, w, bias, *window)
    close(y, expected)
    if conv2d.suits_winograd((*x.shape[:3], len(bias)), w, *window[1:2], window[3], 1):
        # rounding breaks ties, so that another of equal cells may be the maximum
        (strides, pads, dilation), (p, q) = window[1:], window[0]
        z = conv2d.conv2d_reference(x, w, bias, strides, pads, dilation)
        bound = 6e-6 * np.abs(z).max()  # of winograd.py
        for n, i, j, o in np.argwhere(argmax != k.DEAD):
            a, b = divmod(int(argmax[n, i, j, o]), q)
            assert abs(z[n, i * p + a, j * q + b, o] - y[n, i, j, o]) <= bound
        assert y[argmax == k.DEAD].max(initial=0) <= bound
    else:
        np.testing.assert_array_equal(argmax, places)


@pytest.mark.parametrize("threads", [2, 5])
@pytest.mark.parametrize("window", [(2, 2), (3, 2)], ids=str)
def test_no_two_items_write_to_one_place(window, threads, rng, monkeypatch):
    """The maxima of (3, 2) grow in y: two writers of the same numbers lost some."""
    monkeypatch.setattr(sweeps, "THREADS", threads)
    monkeypatch.setattr(k, "cut", sweeps.cut.__wrapped__)
    x, w = rng.standard_normal((1, 23, 8, 2)), rng.standard_normal((3, 3, 2, 20))
    y = np.empty((1, 21 // window[0], 6 // window[1], 20))
    argmax, writers = np.empty(y.shape, np.uint8), np.zeros(y.shape, int)
    program = Program(
        k.conv2d_relu_maxpool2d_tasks(x, w, w[0, 0, 0], y, argmax, window)
    )
    pack, task = program.tasks
    Program([pack])()
    assert task.count > 1
    for item in range(task.count):
        y[...] = np.nan
        if numba.config.DISABLE_JIT:
            task.body(item, 0, *task.arguments)
        else:
            entry, block, _ = program.rows[1].tolist()
            tasks._C_ENTRY(entry)(item, 0, block)
        writers += ~np.isnan(y)
    np.testing.assert_array_equal(writers, 1)


def test_backward_is_the_formula(problem, close, rng):
    x, w, bias, window = problem
    y, argmax = k.conv2d_relu_maxpool2d_reference(x, w, bias, *window)
    dy = rng.standard_normal(y.shape).astype(x.dtype)
    actual = k.conv2d_relu_maxpool2d_backward(x, dy, argmax, w, *window)
    args = x, dy, argmax, w, *window
    expected = k.conv2d_relu_maxpool2d_backward_reference(*args)
    for gradient, formula in zip(actual, expected, strict=True):
        close(gradient, formula)


def test_backward_without_dx(problem, close, rng):
    x, w, bias, window = problem
    y, argmax = k.conv2d_relu_maxpool2d_reference(x, w, bias, *window)
    dy = rng.standard_normal(y.shape).astype(x.dtype)
    dw, dbias = np.empty_like(w), np.empty_like(bias)
    tasks = k.conv2d_relu_maxpool2d_backward_tasks(
        x, dy, argmax, w, None, dw, dbias, *window
    )
    run(*tasks)
    args = x, dy, argmax, w, *window
    _, *expected = k.conv2d_relu_maxpool2d_backward_reference(*args)
    close(dw, expected[0])
    close(dbias, expected[1])


def test_nan_in_x_and_in_dy_comes_through(rng):
    x = rng.random((1, 6, 6, 1))
    x[0, 0, 0, 0] = np.nan
    w, bias = np.ones((3, 3, 1, 2)), np.zeros(2)
    y, argmax = k.conv2d_relu_maxpool2d(x, w, bias, (2, 2))
    assert np.isnan(y[0, 0, 0]).all()
    assert not np.isnan(y[0, 1, 1]).any()
    dy = np.zeros_like(y)
    dy[0, 1, 1, 1] = np.nan
    dx, dw, dbias = k.conv2d_relu_maxpool2d_backward(x, dy, argmax, w, (2, 2))
    assert np.isnan(dx).any()
    assert np.isnan(dw[..., 1]).all()
    np.testing.assert_array_equal(np.isnan(dbias), [False, True])
