"""Steps of all optimisers: fast == reference, over three steps."""

import numpy as np
import pytest

from sora_np.kernels.machine.tasks import BLOCK
from sora_np.kernels.optimizers import (
    adadelta,
    adagrad,
    adam,
    adamax,
    lamb,
    lion,
    nadam,
    rmsprop,
    sgd,
)

CASES = {
    "sgd": (sgd.sgd, sgd.sgd_reference, 1, (0.1, 0.9, False)),
    "sgd-nesterov": (sgd.sgd, sgd.sgd_reference, 1, (0.1, 0.9, True)),
    "rmsprop": (
        *(rmsprop.rmsprop, rmsprop.rmsprop_reference, 3),
        (0.1, 0.9, 0.0, 1e-7, False),
    ),
    "rmsprop-centred": (
        *(rmsprop.rmsprop, rmsprop.rmsprop_reference, 3),
        (0.1, 0.9, 0.5, 1e-3, True),
    ),
    "adam": (adam.adam, adam.adam_reference, 3, ("t", 0.1, 0.9, 0.999, 1e-7, False)),
    "adagrad": (adagrad.adagrad, adagrad.adagrad_reference, 1, (0.1, 1e-7)),
    "nadam": (
        *(nadam.nadam, nadam.nadam_reference, 2),
        ("t", 0.4, 0.1, 0.9, 0.999, 1e-7),
    ),
    "lion": (lion.lion, lion.lion_reference, 1, (0.1, 0.9, 0.99)),
    "adadelta": (
        *(adadelta.adadelta, adadelta.adadelta_reference, 2),
        (0.1, 0.95, 1e-3),
    ),
    "adamax": (
        *(adamax.adamax, adamax.adamax_reference, 2),
        ("t", 0.1, 0.9, 0.999, 1e-7),
    ),
    "lamb": (lamb.lamb, lamb.lamb_reference, 2, ("t", 0.1, 0.9, 0.999, 1e-7)),
    "amsgrad": (adam.adam, adam.adam_reference, 3, ("t", 0.1, 0.9, 0.99, 0.1, True)),
}


@pytest.mark.parametrize("fast, reference, slots, numbers", CASES.values(), ids=CASES)
def test_three_steps_are_the_formula(fast, reference, slots, numbers, dtype, rng):
    arrays = [rng.standard_normal(37).astype(dtype)]
    arrays += [np.zeros(37, dtype) for _ in range(slots)]
    expected = [a.copy() for a in arrays]
    for t in (1, 2, 3):
        g = rng.standard_normal(37).astype(dtype)
        values = [t if n == "t" else n for n in numbers]
        fast(arrays[0], g, *arrays[1:], *values)
        reference(expected[0], g, *expected[1:], *values)
    for actual, wanted in zip(arrays, expected, strict=True):
        assert actual.dtype == dtype
        np.testing.assert_allclose(actual, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("fast, reference, slots, numbers", CASES.values(), ids=CASES)
def test_a_step_of_many_is_that_of_each(fast, reference, slots, numbers, rng):
    """Entries are cut into blocks: the last of one, the first of the next, the rest."""
    size = 2 * BLOCK + 5
    arrays = [a.astype(np.float32) for a in rng.random((2, size))]
    arrays += [np.zeros(size, np.float32) for _ in range(slots)]
    ends = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK - 1, 2 * BLOCK, size - 1]
    if fast is lamb.lamb:  # whose norms are of all entries
        ends = [*range(size)]
    expected = [a[ends].copy() for a in arrays]
    values = [1 if n == "t" else n for n in numbers]
    before = [a.copy() for a in arrays]
    fast(*arrays, *values)
    reference(*expected, *values)
    for actual, wanted in zip(arrays, expected, strict=True):
        np.testing.assert_allclose(actual[ends], wanted, rtol=1e-4, atol=1e-6)
    assert (arrays[0] != before[0]).all()


@pytest.mark.parametrize("name", ["lion", "adadelta", "adamax", "lamb"])
def test_nan_is_not_lost(name):
    """Nor does it reach another entry, but through the norms that lamb has."""
    fast, _, slots, numbers = CASES[name]
    p, g = np.ones((2, 3))
    g[1] = np.nan
    arrays = [np.zeros(3) for _ in range(slots)]
    fast(p, g, *arrays, *(1 if n == "t" else n for n in numbers))
    assert np.isnan(p[1]) and np.isfinite(p[[0, 2]]).all() and (p[[0, 2]] < 1).all()
