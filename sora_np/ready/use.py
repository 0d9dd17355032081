"""Uses a network of ``networks.py`` in all ways, so that all its kernels compile."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .networks import ONE_HOT, Network

BATCHES = 32, 128, 5, 1  # batch sizes


def use(network: Network, batches: Sequence[int] = BATCHES) -> list[NDArray[Any]]:
    """Train, evaluate and predict with a network; return weights and predictions."""
    rng, model, found = np.random.default_rng(0), network.model(), []
    for samples in batches:
        x = rng.random((samples, *network.input_shape), np.float32)
        shape = samples, *model.output_sample_shape
        y: Any = rng.integers(0, 2, shape)
        if network.loss.startswith("sparse"):
            y = rng.integers(0, shape[-1], shape[:-1])
        elif network.loss == ONE_HOT:
            y = np.eye(shape[-1])[rng.integers(0, shape[-1], samples)]
        for _ in range(2):  # twice, since gradients may accumulate over two steps
            model.train_on_batch(x, y)
        model.evaluate(x, y, batch_size=samples, verbose=0)
        found.append(model.predict(x, batch_size=samples, verbose=0))
    model.fit(x, y, batch_size=samples, epochs=1, verbose=0)
    return [*model.get_weights(), *found]
