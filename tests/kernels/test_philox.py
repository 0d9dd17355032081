"""Philox against its authors' table, and what is drawn with it."""

import numpy as np
import pytest
from scipy import stats

from sora_np.kernels.regularization import philox as k

PUBLISHED = [  # key, counter, words: kat_vectors of the library Random123
    ((0,) * 2, (0,) * 4, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ((2**32 - 1,) * 2, (2**32 - 1,) * 4, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    (
        (0xA4093822, 0x299F31D0),
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]
LARGE = 2**64 - 3, 2**32 - 1, np.array([0, 7, 2**32 + 5, 2**40])


@pytest.mark.parametrize("key, counter, words", PUBLISHED, ids=["0", "1", "pi"])
def test_philox_is_as_published(key, counter, words):
    assert [f"{w:08x}" for w in k.philox_reference(key, counter)] == words.split()


@pytest.mark.parametrize("count", [0, 1, 4, 7])
def test_uniform_is_the_formula(count):
    expected = k.uniform_reference(*LARGE, count)
    assert expected.shape == (4, count)
    np.testing.assert_array_equal(k.uniform(*LARGE, count), expected)


@pytest.mark.parametrize("count", [0, 1, 4, 7])
def test_normal_is_the_formula(count, dtype, close):
    expected = k.normal_reference(*LARGE, count, dtype)
    close(k.normal(*LARGE, count, dtype), expected)


def test_a_sample_has_its_numbers_whatever_comes_along():
    samples = np.arange(100)
    every = k.uniform(5, 3, samples, 6)
    np.testing.assert_array_equal(k.uniform(5, 3, samples[70:3:-7], 6), every[70:3:-7])
    np.testing.assert_array_equal(k.uniform(5, 3, samples, 2), every[:, :2])
    for other in (k.uniform(6, 3, samples, 6), k.uniform(5, 4, samples, 6)):
        assert np.mean(other == every) < 0.01


def test_distributions():
    """Kolmogorov and Smirnov's test at the level of 1 in 1,000; the seed is fixed."""
    u = k.uniform(1, 2, np.arange(2000), 8)
    z = k.normal(1, 2, np.arange(2000), 8)
    for numbers, name in ((u, "uniform"), (z, "norm")):
        assert stats.kstest(numbers.ravel(), name).pvalue > 1e-3
        correlations = np.corrcoef(numbers.T) - np.eye(8)
        assert np.abs(correlations).max() < 4 / np.sqrt(2000)
