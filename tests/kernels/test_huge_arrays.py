"""Arrays of more than 2^31 numbers: every index is computed in 64 bits.

They are address space alone: only the last image is written and, by the last items of a
kernel, read, and what it gives must be what that image gives by itself.
"""

import mmap
import sys

import numba
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sora_np.kernels.activations import relu as relu_module
from sora_np.kernels.activations import softmax
from sora_np.kernels.convolutional import conv2d, conv2d_relu_maxpool2d, winograd_dw
from sora_np.kernels.core import dense
from sora_np.kernels.machine.tasks import _C_ENTRY, Program, Task, run
from sora_np.kernels.optimizers import adam, sgd
from sora_np.kernels.pooling import avgpool2d, maxpool2d
from sora_np.kernels.preprocessing import gather

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or bool(numba.config.DISABLE_JIT),
    reason="needs Linux's untouched pages, and indices that could overflow",
)
MAP_NORESERVE = 0x4000
IMAGE = 64, 64, 64
IMAGES = 2**31 // (64 * 64 * 64) + 9
SMALL = 2000  # tasks of so few items prepare something, and are run whole


@pytest.fixture(autouse=True)
def between_guards():
    """No guards here: they would copy all of it."""


def huge(shape, dtype=np.float32):
    """Return zeros that take no memory until they are written."""
    size = int(np.prod(shape, dtype=np.int64))
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE
    try:
        memory = mmap.mmap(-1, size * np.dtype(dtype).itemsize, flags=flags)
    except OSError:
        pytest.skip("this machine lends no such address space")
    return np.frombuffer(memory, dtype, size).reshape(shape)


def run_last(tasks):
    """Run the last 16 items of the tasks of very many, and all of the others."""
    for task in tasks:
        if task.count <= SMALL:
            run(task)
            continue
        [[entry, block, count]] = Program([task]).rows.tolist()
        for item in range(count - 16, count):
            _C_ENTRY(entry)(item, 0, block)


@pytest.fixture
def images(rng):
    x = huge((IMAGES, *IMAGE))
    assert x.size > 2**31
    x[-1] = rng.standard_normal(IMAGE)
    return x


CONVOLUTIONS = {
    "windows": (2, 2, 64, 5),
    "winograd": (3, 3, 64, 64),
    "depthwise": (3, 3, 1, 64),
}


@pytest.mark.parametrize("shape", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_conv2d(shape, images, rng):
    w, bias = rng.standard_normal(shape).astype("f4"), np.ones(shape[3], np.float32)
    options = {"groups": 64 // shape[2]}
    y_shape = conv2d.conv2d_shape(images.shape, w.shape)
    y, one = huge(y_shape), np.empty((1, *y_shape[1:]), np.float32)
    run_last(conv2d.conv2d_tasks(images, w, bias, y, **options))
    run(*conv2d.conv2d_tasks(images[-1:], w, bias, one, **options))
    # few images are cut otherwise: sums may round otherwise
    np.testing.assert_allclose(y[-1], one[0], rtol=0, atol=1e-4)
    dx, one = huge(images.shape), np.empty((1, *IMAGE), np.float32)
    run_last(conv2d.conv2d_dx_tasks(y, w, dx, **options))
    run(*conv2d.conv2d_dx_tasks(y[-1:].copy(), w, one, **options))
    np.testing.assert_allclose(dx[-1], one[0], rtol=0, atol=1e-2)


def test_conv2d_dw(images, rng):
    dy, dw = huge((IMAGES, 64, 64, 1)), np.empty((1, 1, 64, 1), np.float32)
    dy[-1] = rng.standard_normal((64, 64, 1))
    run(*conv2d.conv2d_dw_tasks(images, dy, dw))
    expected = np.einsum("ijc,ijo->co", images[-1], dy[-1], dtype=float)
    np.testing.assert_allclose(dw[0, 0], expected, rtol=0, atol=1e-3)


def test_winograd_dw(images, rng):
    dy, dw = huge((IMAGES, 62, 62, 16)), np.empty((3, 3, 64, 16), np.float32)
    dy[-1] = rng.standard_normal((62, 62, 16))
    sums, fold = winograd_dw.winograd_dw_tasks(images, dy, dw, ((0, 0), (0, 0)))
    sums.arguments[-1][:-1] = 0  # of the items that do not run
    [[entry, block, count]] = Program([sums]).rows.tolist()
    _C_ENTRY(entry)(count - 1, 0, block)
    run(fold)
    last = images[-1:].astype(float), dy[-1:].astype(float)
    expected = conv2d.conv2d_dw(*last, dw.shape)
    np.testing.assert_allclose(dw, expected, rtol=0, atol=1e-3)


def test_max_pooling(images):
    window = (2, 2), (2, 2)
    y, argmax = huge((IMAGES, 32, 32, 64)), huge((IMAGES, 32, 32, 64), np.uint8)
    run_last(maxpool2d.maxpool2d_tasks(images, y, argmax, *window))
    expected, places = maxpool2d.maxpool2d(images[-1:].copy(), *window)
    assert_array_equal(y[-1], expected[0])
    assert_array_equal(argmax[-1], places[0])
    dx = huge(images.shape)
    run_last(maxpool2d.maxpool2d_dx_tasks(y, argmax, dx, *window))
    args = expected, places, (1, *IMAGE), *window
    assert_array_equal(dx[-1], maxpool2d.maxpool2d_dx(*args)[0])


@pytest.mark.parametrize("size", [2, 3, 64])
def test_average_pooling(images, size):
    window, side = ((size, size), (size, size)), 64 // size
    y, dx = huge((IMAGES, side, side, 64)), huge(images.shape)
    run_last(avgpool2d.avgpool2d_tasks(images, y, *window))
    expected = avgpool2d.avgpool2d(images[-1:].copy(), *window)
    assert_array_equal(y[-1, -16:], expected[0, -16:])  # an item is a row
    y[-1] = expected[0]
    run_last(avgpool2d.avgpool2d_dx_tasks(y, dx, *window))
    one = avgpool2d.avgpool2d_dx(expected, (1, *IMAGE), *window)
    assert_array_equal(dx[-1], one[0])


def test_conv_relu_pool(images, rng):
    k, w = conv2d_relu_maxpool2d, rng.standard_normal((2, 2, 64, 5)).astype("f4")
    bias, shape = np.ones(5, np.float32), (IMAGES, 31, 31, 5)
    y, argmax = huge(shape), huge(shape, np.uint8)
    run_last(k.conv2d_relu_maxpool2d_tasks(images, w, bias, y, argmax, (2, 2)))
    one, places = k.conv2d_relu_maxpool2d(images[-1:].copy(), w, bias, (2, 2))
    np.testing.assert_allclose(y[-1], one[0], rtol=0, atol=1e-4)
    dx = huge(images.shape)
    tasks = k.conv2d_relu_maxpool2d_backward_tasks(
        images, y, argmax, w, dx, np.empty_like(w), np.empty_like(bias), (2, 2)
    )
    run_last(tasks[-2:])  # those of dx
    args = images[-1:].copy(), y[-1:].copy(), argmax[-1:].copy(), w, (2, 2)
    expected, _, _ = k.conv2d_relu_maxpool2d_backward(*args)
    np.testing.assert_allclose(dx[-1], expected[0], rtol=0, atol=1e-2)


def test_dense(rng):
    """Rows of a million inputs."""
    x, w = huge((2056, 2**20)), rng.standard_normal((2**20, 1)).astype("f4")
    x[-1], bias = rng.standard_normal(2**20), np.ones(1, np.float32)
    y = np.empty((len(x), 1), np.float32)
    run(*dense.dense_tasks(x, w, bias, y))
    assert_array_equal(y[:-1], 1)
    np.testing.assert_allclose(y[-1], 1 + x[-1].astype(float) @ w, rtol=1e-3)


def test_gather(rng):
    x = huge((2**15 + 3, 2**16), np.uint8)
    x[-1] = rng.integers(0, 255, 2**16)
    out = np.empty((1, 2**16), np.float32)
    gather.gather(x, np.array([len(x) - 1]), out)
    assert_array_equal(out[0], x[-1])


def test_entry_by_entry(rng):
    x, y = huge(2**31 + 99), huge(2**31 + 99)
    x[-99:] = rng.standard_normal(99)
    bends = np.array([0, 0, np.inf], np.float32)
    run_last([Task(relu_module._relu_item, -(-x.size // 8192), x, bends, y)])
    assert_array_equal(y[-99:], np.maximum(x[-99:], 0))


def test_softmax(rng):
    x, y = huge((2**28 + 9, 8)), huge((2**28 + 9, 8))
    x[-9:] = rng.standard_normal((9, 8))
    run_last(softmax.softmax_tasks(x, y))
    assert_array_equal(y[-9:], softmax.softmax(x[-9:]))


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_steps(name, rng):
    g, *slots = (huge(2**31 + 99) for _ in range(4))
    g[-99:] = rng.standard_normal(99)
    if name == "sgd":
        p, velocity, _ = slots
        run_last([sgd.sgd_task(p, g, velocity, np.array([0.1, 0.9, 0], np.float32))])
        expected = -np.float32(0.1) * g[-99:]
    else:
        p, m, v = slots
        numbers = adam.adam_numbers(1, 0.1, 0.9, 0.999, 1e-7)
        numbers = np.array(numbers, np.float32)
        run_last([adam.adam_task(p, g, m, v, v, numbers, False)])
        expected = -0.1 * np.sign(g[-99:])
    np.testing.assert_allclose(p[-99:], expected, rtol=1e-3)
