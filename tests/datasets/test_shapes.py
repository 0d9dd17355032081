"""Drawn sets: from the seed alone, and no class is known by its colour."""

import numpy as np
import pytest

from sora_np.datasets import shapes


def test_shapes_are_bytes_and_classes_in_turn():
    (x, y), (x_test, y_test) = shapes.load_data(train=9, test=5, size=20)
    assert x.shape == (9, 20, 20, 3) and x_test.shape == (5, 20, 20, 3)
    assert x.dtype == x_test.dtype == np.uint8
    assert y.tolist() == [0, 1, 2] * 3 and y_test.tolist() == [0, 1, 2, 0, 1]
    assert len(shapes.CLASS_NAMES) == 3


def test_the_seed_alone_decides():
    (x, _), (x_test, _) = shapes.load_data(train=9, test=6)
    (again, _), (test_again, _) = shapes.load_data(train=9, test=6)
    (_, _), (test_beside_more, _) = shapes.load_data(train=30, test=6)
    (other, _), _ = shapes.load_data(train=9, test=6, seed=1)
    np.testing.assert_array_equal(x, again)
    np.testing.assert_array_equal(x_test, test_again)
    np.testing.assert_array_equal(x_test, test_beside_more)
    assert (x != other).mean() > 0.5 and (x[:6] != x_test).mean() > 0.5


def test_the_forms_are_those_of_the_classes():
    """By width: a disc and a triangle vary from row to row, a square does not."""
    (x, y), _ = shapes.load_data(train=90, size=48)
    inside = x.astype(float).mean(axis=3) > 125
    for mask, k in zip(inside, y, strict=True):
        assert not mask[[0, -1]].any() and not mask[:, [0, -1]].any(), "not cut off"
        widths = mask.sum(axis=1)
        widths = widths[widths > 0]
        size = widths.max()
        if k == 0:
            assert abs(len(widths) - size) <= 2 and widths[0] < 0.6 * size
            assert abs(mask.sum() - np.pi / 4 * size**2) < 0.1 * size**2
        elif k == 1:
            assert abs(len(widths) - size) <= 2 and widths.min() >= size - 2
        else:
            assert widths[0] < 0.3 * size and widths[-1] >= size - 2


def test_colours_say_nothing_of_the_class():
    (x, y), _ = shapes.load_data(train=900)
    corners = x[:, 0, 0].astype(float)
    middles = x[:, 8, 8].astype(float)
    for colours in (corners, middles):
        means = np.array([colours[y == k].mean(axis=0) for k in range(3)])
        assert np.ptp(means, axis=0).max() < 25  # of 256; a class has a std of ~30


def test_moons_are_two_half_circles_that_reach_into_one_another():
    x, y = shapes.moons(100, noise=0)
    np.testing.assert_allclose(np.hypot(*x[y == 0].T), 1)
    np.testing.assert_allclose(np.hypot(*(x[y == 1] - [1, 0.5]).T), 1)
    assert (x[y == 0, 1] >= 0).all() and (x[y == 1, 1] <= 0.5).all()
    noisy, _ = shapes.moons(4000, noise=0.3)
    clean, _ = shapes.moons(4000, noise=0)
    assert (noisy - clean).std() == pytest.approx(0.3, rel=0.05)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: shapes.load_data(size=7), "at least 8 pixels, got 7"),
        (lambda: shapes.load_data(train=0), "train .* got 0"),
        (lambda: shapes.load_data(test=-1), "test .* got -1"),
        (lambda: shapes.moons(0), "samples .* got 0"),
        (lambda: shapes.moons(noise=-0.1), "noise .* got -0.1"),
        (lambda: shapes.moons(noise=np.nan), "noise .* got nan"),
    ],
)
def test_impossible_sets_are_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()
