"""The state of training after many steps, computed once for all frameworks.

sora_np computes the gradients.  Adam is written out in NumPy, which keeps subnormal
numbers as IEEE 754 defines them: the moments of weights whose gradient is 0 become
subnormal after some 750 steps, and every framework gets them unchanged.
"""

import numpy as np

import sora_np
from benchmarks.images import one_hot, shuffled
from benchmarks.networks import State, weights
from benchmarks.peers import Variant
from benchmarks.peers.sora import build, in_order, taken_apart
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
    own = [w for layer in in_order(model) for w in layer.get_weights()]
    pairs = zip(own, weights(network), strict=True)
    slots = model.optimizer.slots
    moments = (taken_apart(model, network, slots[name]) for name in ("m", "v"))
    return State([w.reshape(a.shape) for w, a in pairs], *moments, steps)
