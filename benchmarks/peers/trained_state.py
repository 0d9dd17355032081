"""Where training stands after many steps: made once, and given to all frameworks.

sora_np computes the gradients.  Adam is written out in NumPy, which keeps subnormal
numbers as IEEE 754 has them: the moments of weights whose gradient is 0 become
subnormal after some 750 steps, and every framework is given them as they are.
"""

import numpy as np

import sora_np
from benchmarks.images import one_hot, shuffled
from benchmarks.networks import State, trained, weights
from benchmarks.peers import Variant
from benchmarks.peers.sora import build
from sora_np.optimizers import Optimizer


class PlainAdam(Optimizer):
    """Adam by NumPy."""

    def slot_names(self):
        return ("m", "v")

    def update(self, p, g, m, v):
        t = self.iterations + 1
        m += np.float32(0.1) * (g - m)
        v += np.float32(0.001) * (g * g - v)
        alpha = 0.001 * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        p -= np.float32(alpha) * m / (np.sqrt(v) + np.float32(1e-7))


def version():
    return sora_np.__version__


def variants(task):
    """Return one variant, whose run returns the state after ``task.what`` steps."""
    return {"": lambda: Variant(lambda: train(*task.what), lambda state: [state])}


def train(network, batch, steps):
    """Return the state of the network after so many steps on real images."""
    model = build(network, weights(network))
    model.compile(PlainAdam(0.001, weight_decay=network.weight_decay), model.loss)
    for x, y in shuffled(network, batch, steps):
        model.train_on_batch(x, one_hot(y))
    slots = model.optimizer.slots
    return State(
        [w.copy() for w in model.get_weights()],
        *(_parts(slots[name], network) for name in ("m", "v")),
        steps,
    )


def _parts(vector, network):
    """Return a vector of all trained numbers as the arrays that they belong to."""
    arrays = [
        w for w, moves in zip(weights(network), trained(network), strict=True) if moves
    ]
    ends = np.cumsum([a.size for a in arrays])[:-1]
    return [
        part.reshape(a.shape).copy()
        for part, a in zip(np.split(vector, ends), arrays, strict=True)
    ]
