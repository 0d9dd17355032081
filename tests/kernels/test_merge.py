import numpy as np
import pytest

from sora_np.kernels.machine.tasks import run
from sora_np.kernels.merging import merge as k

SHAPES = {"plain": (2, 3, 4), "blocks": (3, 8192), "no-samples": (0, 3), "scalar": (2,)}
COUNTS = [1, 2, 3, 4, 5, 8, 11]


@pytest.fixture(params=SHAPES.values(), ids=SHAPES)
def shape(request):
    return request.param


def arrays(count, shape, dtype, rng):
    """Return whole numbers, so that some tie, and sums do not round."""
    return [rng.integers(-3, 4, shape).astype(dtype) for _ in range(count)]


@pytest.mark.parametrize("count", COUNTS)
def test_sums_are_the_formulas(count, shape, dtype, close, rng):
    if np.prod(shape) > 1000 and count not in (2, 5):
        shape = (2, 5)
    xs = arrays(count, shape, dtype, rng)
    close(k.add(xs), k.add_reference(xs))
    np.testing.assert_array_equal(k.add(xs), np.sum(xs, axis=0))
    y, dy = k.add_relu(xs), arrays(1, shape, dtype, rng)[0]
    close(y, k.add_relu_reference(xs))
    dxs = k.add_relu_dx(dy, y, count)
    expected = k.add_relu_dx_reference(dy, y, count)
    assert len(dxs) == count
    for dx, formula in zip(dxs, expected, strict=True):
        close(dx, formula)


def test_sums_add_in_the_order_of_the_list(dtype):
    """1 and then a million times less than it can tell: as the loops do."""
    small = np.finfo(dtype).eps / 2
    xs = [np.array([v], dtype) for v in (1, small, small, small, small, -1)]
    np.testing.assert_array_equal(k.add(xs), 0)
    np.testing.assert_array_equal(k.add(xs[::-1]), k.add_reference(xs[::-1]))


def test_a_sum_into_one_of_its_arrays(dtype, rng):
    """As a plan runs it, over buffers that are used again."""
    xs = arrays(2, (3, 5), dtype, rng)
    expected = np.maximum(xs[0] + xs[1], 0)
    run(*k.add_relu_tasks(xs, xs[0]))
    np.testing.assert_array_equal(xs[0], expected)
    dy = arrays(1, (3, 5), dtype, rng)[0]
    dz, dx = np.where(expected > 0, dy, 0), np.empty_like(dy)
    run(*k.add_relu_dx_tasks(dy, xs[0], [dx, dy]))
    np.testing.assert_array_equal([dx, dy], [dz, dz])


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_extremes_are_the_formulas(name, count, shape, dtype, close, rng):
    if np.prod(shape) > 1000 and count != 3:
        shape = (2, 5)
    xs, dy = arrays(count, shape, dtype, rng), arrays(1, shape, dtype, rng)[0]
    y, chosen = getattr(k, name)(xs)
    expected, places = getattr(k, f"{name}_reference")(xs)
    close(y, expected)
    np.testing.assert_array_equal(chosen, places)
    np.testing.assert_array_equal(y, getattr(np, name).reduce(xs))
    first = np.equal(xs, y).argmax(axis=0)
    np.testing.assert_array_equal(chosen, first)
    dxs = k.extreme_dx(dy, chosen, count)
    for dx, formula in zip(dxs, k.extreme_dx_reference(dy, chosen, count), strict=True):
        close(dx, formula)
    np.testing.assert_array_equal(np.sum(dxs, axis=0), dy)


@pytest.mark.parametrize("form", ["", "_reference"], ids=["fast", "reference"])
@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_nan_is_the_extreme(name, form):
    xs = [np.array(v) for v in ([1, np.nan, 2], [np.nan, np.nan, 2], [np.nan, 3, 2.0])]
    y, chosen = getattr(k, name + form)(xs)
    np.testing.assert_array_equal(y, [np.nan, np.nan, 2])
    np.testing.assert_array_equal(chosen, [1, 0, 0])


@pytest.mark.parametrize("form", ["", "_reference"], ids=["fast", "reference"])
def test_nan_passes_through_sums(form):
    xs = [np.array([np.nan, -np.inf, 1.0]), np.array([1.0, 2.0, -3.0])]
    np.testing.assert_array_equal(getattr(k, f"add_relu{form}")(xs), [np.nan, 0, 0])


JOINED = {  # id: shapes, axis
    "last": ([(2, 3, 4), (2, 3, 1), (2, 3, 2)], 2),
    "middle": ([(2, 3, 4), (2, 1, 4)], 1),
    "first-of-one": ([(2, 5)], 1),
    "many-rows": ([(3, 100, 50), (3, 100, 117)], 2),
    "long-rows": ([(2, 9000), (2, 1)], 1),
    "no-samples": ([(0, 3), (0, 2)], 1),
}


@pytest.mark.parametrize("shapes, axis", JOINED.values(), ids=JOINED)
def test_concatenation_is_the_formula_and_numpys(shapes, axis, dtype, close, rng):
    xs = [rng.standard_normal(shape).astype(dtype) for shape in shapes]
    y = k.concatenate(xs, axis)
    np.testing.assert_array_equal(y, np.concatenate(xs, axis))
    if y.size < 1000:
        close(k.concatenate_reference(xs, axis), y)
    sizes = [shape[axis] for shape in shapes]
    for dx, x in zip(k.concatenate_dx(y, sizes, axis), xs, strict=True):
        np.testing.assert_array_equal(dx, x)
    if y.size < 1000:
        parts = k.concatenate_dx_reference(y, sizes, axis)
        for dx, x in zip(parts, xs, strict=True):
            close(dx, x)


def test_sums_and_masks_in_place(rng):
    """What the plan does to gradients where they are."""
    for size in (1, 7, 70_000):
        total, x, y = rng.standard_normal((3, size)).astype("f")
        expected = total + x, np.where(y <= 0, 0, x)
        run(k.accumulate_task(total, x))
        run(k.relu_dy_task(x, y))
        np.testing.assert_array_equal(total, expected[0])
        np.testing.assert_array_equal(x, expected[1])
