"""Real images of clothes, the same for all frameworks.

Real images matter because they decide which numbers pass a ReLU.  They are
Fashion-MNIST if Debian's package dataset-fashion-mnist is installed, otherwise its
10,000 training and 2,000 test images that come with sora_np; nothing is downloaded.
"""

import contextlib
import functools

import numpy as np

from benchmarks.networks import of_pixels

MOST = 10_000  # images in memory for one variant
MOST_BATCHES = 1_000
FEW_BATCHES = 20  # where a slice has a step or two


@functools.cache
def load(full=True):
    """Return the name of the data set, and ``load_data()`` of it."""
    from sora_np.datasets import fashion_mini, fashion_mnist

    if full:
        with contextlib.suppress(FileNotFoundError):
            folder = fashion_mnist.DATA_SET.package_folder
            return "Fashion-MNIST", fashion_mnist.load_data(folder)
    return "fashion_mini", fashion_mini.load_data()


def described():
    """Return the name of the data set with its numbers of images."""
    name, ((x, _), (x_test, _)) = load()
    return f"{name}, {len(x):,} training and {len(x_test):,} test images"


def samples(task, first=0):
    """Return images (N, H, W, C) in [0, 1] and labels from number ``first`` on.

    Labels are (N,), or (N, H, W, 1): which pixels belong to the piece of clothing.
    A process whose start is measured reads only the small data set.
    """
    _, ((x, y), _) = load(full=task.group != "start")
    chosen = np.arange(first, first + task.batch) % len(x)
    return _labelled(x[chosen], y[chosen], task.what)


def batches(task):
    """Return a list of (images, labels), too many to memorise.

    It is a single pair in a process whose start or memory is measured.
    """
    count = max(1, min(MOST_BATCHES, MOST // task.batch))
    count = {"start": 1, "graphs": FEW_BATCHES}.get(task.group, count)
    return [samples(task, n * task.batch) for n in range(count)]


def shuffled(network, batch, steps):
    """Yield (images, labels) of ``steps`` batches; each epoch has its own order."""
    _, ((x, y), _) = load()
    rng, order = np.random.default_rng(4), np.empty(0, np.int64)
    for _ in range(steps):
        if len(order) < batch:
            order = rng.permutation(len(x))
        chosen, order = order[:batch], order[batch:]
        yield _labelled(x[chosen], y[chosen], network)


def fashion(most=None):
    """Return x, labels, x_test and test labels for ``fit``.

    ``most``: the largest number of training images; of test images, half as many.
    """
    _, ((x, y), (x_test, y_test)) = load()
    if most:
        x, y, x_test, y_test = (
            x[:most],
            y[:most],
            x_test[: most // 2],
            y_test[: most // 2],
        )
    x, x_test = (_shaped(a, (28, 28, 1)) for a in (x, x_test))
    return x, y.astype(np.int64), x_test, y_test.astype(np.int64)


def one_hot(labels):
    """Return labels (N,) as rows (N, 10); those of pixels as they are."""
    return labels if labels.ndim > 1 else np.eye(10, dtype=np.float32)[labels]


def _labelled(x, y, network):
    x = _shaped(x, network.input_shape)
    if of_pixels(network):
        y = (x.max(axis=-1, keepdims=True) > 0).astype(np.float32)
    else:
        y = y.astype(np.int64)
    if network.noise:
        rng = np.random.default_rng(5)
        x = x + rng.uniform(0, network.noise, x.shape).astype(np.float32)
    return x, y


def _shaped(x, shape):
    """Return bytes (N, 28, 28) as floats in [0, 1]: with a rim of 0, in C channels."""
    rim = (shape[0] - x.shape[1]) // 2
    x = np.pad(x, ((0, 0), (rim, rim), (rim, rim)))[..., None].astype(np.float32) / 255
    return np.repeat(x, shape[2], axis=-1)
