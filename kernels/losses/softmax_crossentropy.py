"""Softmax and cross-entropy in one: from logits, and its gradient.

For every row z of logits with K classes and targets t (a distribution, or one-hot)::

    loss  = -sum_k t[k] * log softmax(z)[k]                                      (1)
          = sum_k t[k] * (m + log sum_l e^(z[l] - m) - z[k])   with m = max z
    dz[k] = softmax(z)[k] * sum_l t[l] - t[k]                                    (2)

The second form of (1) never takes the logarithm of a number that rounded to 0: it stays
exact where softmax underflows.  Classes with t[k] = 0 add nothing, however small z[k].

Source: Goodfellow, Bengio & Courville, "Deep Learning" (2016), 6.2.2.3;
scipy.special.log_softmax is the oracle.
"""

import numpy as np

from ..machine.arrays import Array, jit
from ..machine.rungs import rungs
from ..machine.tasks import Task, run_kept

# --- reference: the formulas, row by row --------------------------------------


def softmax_crossentropy_reference(z: Array, targets: Array) -> Array:
    """Return the losses (N,) of equation (1)."""
    losses = np.zeros(len(z), z.dtype)
    for n, k in np.ndindex(z.shape):
        if targets[n, k] != 0:
            m = np.max(z[n])
            log_total = m + np.log(np.sum(np.exp(z[n] - m)))
            losses[n] += targets[n, k] * (log_total - z[n, k])
    return losses


def softmax_crossentropy_dz_reference(z: Array, targets: Array) -> Array:
    """Return dz (N, K) of equation (2)."""
    dz = np.empty_like(z)
    for n in range(len(z)):
        e = np.exp(z[n] - np.max(z[n]))
        dz[n] = e / np.sum(e) * np.sum(targets[n]) - targets[n]
    return dz


def softmax_crossentropy_and_dz_reference(
    z: Array, targets: Array
) -> tuple[Array, Array]:
    """Return both."""
    return (
        softmax_crossentropy_reference(z, targets),
        softmax_crossentropy_dz_reference(z, targets),
    )


# --- NumPy: whole arrays --------------------------------------------------------------


def softmax_crossentropy_numpy(z: Array, targets: Array) -> Array:
    """Return the losses (N,)."""
    terms = np.where(targets != 0, -targets * _log_softmax(z), 0)
    return np.sum(terms, axis=1)


def softmax_crossentropy_dz_numpy(z: Array, targets: Array) -> Array:
    """Return dz (N, K)."""
    mass = np.sum(targets, axis=1, keepdims=True)
    return np.exp(_log_softmax(z)) * mass - targets


def softmax_crossentropy_and_dz_numpy(z: Array, targets: Array) -> tuple[Array, Array]:
    """Return both."""
    return (
        softmax_crossentropy_numpy(z, targets),
        softmax_crossentropy_dz_numpy(z, targets),
    )


def _log_softmax(z: Array) -> Array:
    z = z - np.max(z, axis=1, keepdims=True)
    return z - np.log(np.sum(np.exp(z), axis=1, keepdims=True))


# --- fast ---------------------------------------------------------------------


@rungs(softmax_crossentropy_reference, softmax_crossentropy_numpy)
def softmax_crossentropy(z: Array, targets: Array) -> Array:
    """Return the losses (N,) of equation (1) for z and targets (N, K)."""
    losses = np.empty(len(z), z.dtype)
    run_kept(_losses_task, z, targets, losses)
    return losses


@rungs(softmax_crossentropy_dz_reference, softmax_crossentropy_dz_numpy)
def softmax_crossentropy_dz(z: Array, targets: Array) -> Array:
    """Return dz (N, K) of equation (2), d(losses[n])/d(z[n]) for every n."""
    dz = np.empty_like(z)
    run_kept(_dz_task, z, targets, dz)
    return dz


@rungs(softmax_crossentropy_and_dz_reference, softmax_crossentropy_and_dz_numpy)
def softmax_crossentropy_and_dz(z: Array, targets: Array) -> tuple[Array, Array]:
    """Return the losses (N,) and dz (N, K) in one call, for a training step."""
    losses, dz = np.empty(len(z), z.dtype), np.empty_like(z)
    run_kept(softmax_crossentropy_tasks, z, targets, losses, dz)
    return losses, dz


def softmax_crossentropy_tasks(
    z: Array, targets: Array, losses: Array, dz: Array
) -> list[Task]:
    """Return the tasks that write the losses and dz."""
    return [_losses_task(z, targets, losses), _dz_task(z, targets, dz)]


def _losses_task(z: Array, targets: Array, losses: Array) -> Task:
    return Task(_losses_item, -(-len(z) // 64), z, targets, losses)


def _dz_task(z: Array, targets: Array, dz: Array) -> Task:
    return Task(_dz_item, -(-len(z) // 64), z, targets, dz)


@jit()
def _log_total(z, n, largest):
    """Return log sum_l e^(z[n, l] - largest)."""
    total = largest * 0  # passes on NaN and infinity
    for k in range(z.shape[1]):
        total += np.exp(z[n, k] - largest)
    return np.log(total)


@jit()
def _largest(z, n):
    largest = z[n, 0]
    for k in range(z.shape[1]):
        if z[n, k] > largest or z[n, k] != z[n, k]:
            largest = z[n, k]
    return largest


@jit()
def _losses_item(item, thread, z, targets, losses):
    for n in range(item * 64, min(item * 64 + 64, len(z))):
        largest = _largest(z, n)
        log_total = _log_total(z, n, largest)
        loss = largest * 0
        for k in range(z.shape[1]):
            if targets[n, k] != 0:
                loss += targets[n, k] * (log_total - (z[n, k] - largest))
        losses[n] = loss


@jit()
def _dz_item(item, thread, z, targets, dz):
    for n in range(item * 64, min(item * 64 + 64, len(z))):
        largest = _largest(z, n)
        log_total = _log_total(z, n, largest)
        mass = z.dtype.type(0)
        for k in range(z.shape[1]):
            mass += targets[n, k]
        for k in range(z.shape[1]):
            p = np.exp(z[n, k] - largest - log_total)
            dz[n, k] = p * mass - targets[n, k]
