import itertools

import numba
import numpy as np
import pytest
from conformance import oracles

from sora_np import Conv2D, Dense, Flatten, MaxPool, Sequential
from sora_np.gradcheck import check_layer, check_model
from sora_np.kernels.convolutional import conv2d as direct
from sora_np.kernels.convolutional import conv2d_relu_maxpool2d as fused
from sora_np.kernels.convolutional import winograd as k
from sora_np.kernels.convolutional import winograd_dw as k_dw
from sora_np.kernels.loops import winograd_tiles as tiles
from sora_np.kernels.loops.list_backward import DEAD
from sora_np.kernels.machine.tasks import run
from sora_np.kernels.machine.tile import VECTOR_BYTES
from sora_np.kernels.pooling.maxpool2d import maxpool2d_tasks

NONE, SAME = ((0, 0), (0, 0)), ((1, 1), (1, 1))
CASES = {  # id: x shape, filters, pads
    "one-tile": ((1, 6, 6, 1), 1, NONE),
    "smallest": ((1, 3, 3, 1), 1, NONE),
    "pads-make-the-image": ((2, 1, 1, 3), 2, SAME),
    "tiles-overhang": ((2, 9, 12, 3), 4, NONE),
    "same": ((3, 8, 7, 5), 6, SAME),
    "uneven-pads": ((2, 7, 6, 2), 3, ((2, 0), (1, 2))),
    "full": ((1, 5, 4, 2), 3, ((2, 2), (2, 2))),
    "many-pads": ((1, 3, 5, 2), 3, ((4, 3), (3, 5))),
    "no-images": ((0, 6, 6, 2), 3, NONE),
    "blocks-and-parts": ((5, 14, 13, 3), 40, SAME),
    **{f"{c}-channels": ((1, 7, 7, c), c, SAME) for c in (15, 16, 17, 33, 65)},
}


too_slow_without_jit = pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT), reason="minutes as plain Python"
)


@pytest.fixture(params=CASES.values(), ids=CASES)
def problem(request, dtype, rng):
    x_shape, filters, pads = request.param
    return *arrays(rng, x_shape, filters, dtype), pads


def arrays(rng, x_shape, filters, dtype):
    shapes = x_shape, (3, 3, x_shape[3], filters), (filters,)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def dx_of(dy, w, x_shape, pads):
    dx = np.full(x_shape, np.nan, dy.dtype)
    run(*k.winograd_dx_tasks(dy, w, dx, pads))
    return dx


def dy_of(problem, rng):
    x, w, _, pads = problem
    shape = direct.conv2d_shape(x.shape, w.shape, pads=pads)
    return rng.standard_normal(shape).astype(x.dtype)


def test_matrices_give_the_sum_exactly():
    """y[i] = sum_p w[p] * x[i + p], in fractions: the formula is no approximation."""
    A, B, G = tiles._matrices(tiles.POINTS)
    for i, p, h in np.ndindex(4, 3, 6):
        factor = sum(A[i][a] * G[a][p] * B[a][h] for a in range(6))
        assert factor == (h == i + p), (i, p, h)


def test_matrices_of_the_usual_points_are_the_published_ones():
    """Lavin & Gray, section 4.3, whose rows of B and G differ by factors."""
    A, B, G = tiles._matrices([tiles.Fraction(t) for t in (0, 1, -1, 2, -2)])
    assert A == [
        [1, 1, 1, 1, 1, 0],
        [0, 1, -1, 2, -2, 0],
        [0, 1, 1, 4, 4, 0],
        [0, 1, -1, 8, -8, 1],
    ]
    published = [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ]
    assert B == published
    assert [[24 * e for e in row] for row in G] == [
        [6, 0, 0],
        [-4, -4, -4],
        [-4, 4, -4],
        [1, 2, 4],
        [1, -2, 4],
        [0, 0, 24],
    ]


def test_reference_is_convolution(problem, close):
    x, w, bias, pads = problem
    expected = oracles.conv2d(x, w, bias, (1, 1), pads, (1, 1), 1)
    close(k.winograd_reference(x, w, bias, pads), expected)


def test_forward_is_the_formula(problem, close):
    x, w, bias, pads = problem
    before = [a.copy() for a in (x, w, bias)]
    expected = k.winograd_reference(x, w, bias, pads)
    close(k.winograd(x, w, bias, pads), expected)
    for a, b in zip((x, w, bias), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_relu(problem, close):
    x, w, bias, pads = problem
    expected = k.winograd_reference(x, w, bias, pads)
    y = np.full_like(expected, np.nan)
    run(*k.winograd_tasks(x, w, bias, y, pads, relu=True))
    close(y, np.maximum(expected, 0))


def test_pooled_in_registers(problem):
    """The same bits as pooled from memory; ties, borders and what is dead likewise."""
    x, w, bias, pads = problem
    z = np.empty(direct.conv2d_shape(x.shape, w.shape, pads=pads), x.dtype)
    run(*k.winograd_tasks(x, w, bias, z, pads, relu=True))
    shape = len(x), z.shape[1] // 2, z.shape[2] // 2, z.shape[3]
    results = []
    for _ in range(2):
        results.append((np.full(shape, np.nan, x.dtype), np.full(shape, 77, np.uint8)))
    run(*maxpool2d_tasks(z, *results[0], (2, 2), (2, 2), dead=DEAD))
    run(*k.winograd_tasks(x, w, bias, results[1][0], pads, argmax=results[1][1]))
    for pooled, expected in zip(results[1], results[0], strict=True):
        np.testing.assert_array_equal(pooled, expected)


def test_dx_is_the_formula(problem, close, rng):
    x, w, bias, pads = problem
    dy = rng.standard_normal(k.winograd(x, w, bias, pads).shape).astype(x.dtype)
    expected = oracles.conv2d_backward(x, w, dy, (1, 1), pads, (1, 1), 1)
    close(dx_of(dy, w, x.shape, pads), expected[0])


def test_dx_is_the_derivative(rng):
    """<dy, y(x)> is linear in x, so <dx, e> is its change by e."""
    x, w, bias = arrays(rng, (2, 9, 10, 17), 18, np.float64)
    pads = (1, 0), (2, 1)
    y = k.winograd(x, w, bias, pads)
    dy, e = rng.standard_normal(y.shape), rng.standard_normal(x.shape)
    change = np.vdot(dy, k.winograd(x + e, w, bias, pads) - y)
    np.testing.assert_allclose(np.vdot(dx_of(dy, w, x.shape, pads), e), change)


def test_reference_of_dw_is_the_sum(problem, close, rng):
    x, w, _, pads = problem
    dy = dy_of(problem, rng)
    expected = oracles.conv2d_backward(x, w, dy, (1, 1), pads, (1, 1), 1)
    close(k_dw.winograd_dw_reference(x, dy, w.shape, pads), expected[1])


def test_dw_is_the_formula(problem, close, rng):
    x, w, _, pads = problem
    dy = dy_of(problem, rng)
    before = x.copy(), dy.copy()
    close(
        k_dw.winograd_dw(x, dy, w.shape, pads),
        k_dw.winograd_dw_reference(x, dy, w.shape, pads),
    )
    np.testing.assert_array_equal(x, before[0])
    np.testing.assert_array_equal(dy, before[1])


def test_dw_is_the_derivative(rng):
    """<dy, y(w)> is linear in w, so <dw, e> is its change by e."""
    x, w, bias = arrays(rng, (7, 9, 10, 17), 18, np.float64)
    pads = (1, 0), (2, 1)
    y = k.winograd(x, w, bias, pads)
    dy, e = rng.standard_normal(y.shape), rng.standard_normal(w.shape)
    change = np.vdot(dy, k.winograd(x, w + e, bias, pads) - y)
    dw = k_dw.winograd_dw(x, dy, w.shape, pads)
    np.testing.assert_allclose(np.vdot(dw, e), change)


@pytest.mark.parametrize("largest", [1, 1 << 14, 1 << 19])
def test_dw_in_parts(largest, dtype, close, rng, monkeypatch):
    """Parts of the filters, and chunks of the tiles, add up to the same sum."""
    monkeypatch.setattr(k_dw, "LARGEST", largest)
    x = rng.standard_normal((4, 14, 13, 6)).astype(dtype)  # 64 tiles
    dy = rng.standard_normal((4, 14, 13, 68)).astype(dtype)
    w_shape = 3, 3, 3, 68
    dw = np.full(w_shape, np.nan, dtype)
    run(*k_dw.winograd_dw_tasks(x, dy, dw, SAME, 2))
    halves = zip(np.split(x, 2, 3), np.split(dy, 2, 3), strict=True)
    expected = [direct.conv2d_dw(*h, (3, 3, 3, 34), pads=SAME) for h in halves]
    close(dw, np.concatenate(expected, 3))


@pytest.mark.parametrize("cg, og", [(16, 16), (17, 20), (5, 33)])
def test_groups_are_convolutions_of_their_own(cg, og, dtype, close, rng):
    """Forward and dx, also of channels that are no whole vectors."""
    groups, pads = 3, ((1, 0), (2, 1))
    x, w, bias = arrays(rng, (2, 9, 10, cg * groups), og * groups, dtype)
    w = w[:, :, :cg].copy()
    y = np.full(direct.conv2d_shape(x.shape, w.shape, pads=pads), np.nan, dtype)
    run(*k.winograd_tasks(x, w, bias, y, pads, groups))
    close(y, k.winograd_reference(x, w, bias, pads, groups))
    dx, dy = np.full(x.shape, np.nan, dtype), rng.standard_normal(y.shape).astype(dtype)
    run(*k.winograd_dx_tasks(dy, w, dx, pads, groups))
    expected = oracles.conv2d_backward(x, w, dy, (1, 1), pads, (1, 1), groups)
    close(dx, expected[0])
    dw = np.full(w.shape, np.nan, dtype)
    run(*k_dw.winograd_dw_tasks(x, dy, dw, pads, groups))
    close(dw, expected[1])
    close(k_dw.winograd_dw_reference(x, dy, w.shape, pads, groups), dw)


@pytest.mark.parametrize("mean", [0, 1], ids=["signs", "positive"])
@pytest.mark.parametrize("channels, bound", [(64, 2e-6), (512, 6e-6)])
@too_slow_without_jit
def test_error_is_bounded(channels, bound, mean, rng):
    x, w, bias = arrays(rng, (1, 16, 16, channels), 64, np.float32)
    x += np.float32(mean)
    w += np.float32(mean)
    y = k.winograd(x, w, bias)
    exact = direct.conv2d(*(a.astype(np.float64) for a in (x, w, bias)))
    assert np.abs(y - exact).max() <= bound * np.abs(exact).max()
    dw = k_dw.winograd_dw(x, y, w.shape)
    exact = direct.conv2d_dw(x.astype(float), y.astype(float), w.shape)
    assert np.abs(dw - exact).max() <= 2e-6 * np.abs(exact).max()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf], ids=str)
@pytest.mark.parametrize("where", ["x", "w", "bias"])
def test_nan_and_infinity_never_vanish(bad, where, rng):
    """Every output that they reach in the direct sum is not finite."""
    for place in range(36) if where == "x" else range(9) if where == "w" else [0]:
        x, w, bias = arrays(rng, (1, 6, 6, 1), 1, np.float32)
        {"x": x, "w": w, "bias": bias}[where].reshape(-1)[place] = bad
        with np.errstate(invalid="ignore"):
            expected = direct.conv2d_reference(x, w, bias, pads=SAME)
            y = k.winograd(x, w, bias, SAME)
        hidden = ~np.isfinite(expected) & np.isfinite(y)
        assert not hidden.any(), f"{where}[{place}]"


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf], ids=str)
def test_nan_and_infinity_reach_dw(bad, rng):
    for where, place in itertools.product(("x", "dy"), range(0, 36, 5)):
        x, dy = rng.standard_normal((2, 1, 6, 6, 1)).astype(np.float32)
        {"x": x, "dy": dy}[where].reshape(-1)[place] = bad
        with np.errstate(invalid="ignore"):
            expected = direct.conv2d_dw_reference(x, dy, (3, 3, 1, 1), pads=SAME)
            dw = k_dw.winograd_dw(x, dy, (3, 3, 1, 1), SAME)
        hidden = ~np.isfinite(expected) & np.isfinite(dw)
        assert not hidden.any(), f"{where}[{place}]"


def test_dw_of_what_is_dead_is_exactly_0(rng):
    """Else Adam, which divides by the gradient's size, would move such weights."""
    x = rng.standard_normal((3, 9, 10, 17)).astype(np.float32)
    dy = rng.standard_normal((3, 9, 10, 18)).astype(np.float32)
    x[..., 5] = dy[..., 7] = 0
    dw = k_dw.winograd_dw(x, dy, (3, 3, 17, 18), SAME)
    assert not dw[:, :, 5].any()
    assert not dw[..., 7].any()
    assert np.delete(np.delete(dw, 5, 2), 7, 3).all()


def test_nan_stays_in_its_tile(rng):
    x, w, bias = arrays(rng, (2, 10, 10, 3), 2, np.float32)
    x[0, 0, 0, 0] = np.nan
    y = k.winograd(x, w, bias)
    assert np.isnan(y[0, :4, :4]).any()
    assert np.isfinite(y[0, 4:]).all()
    assert np.isfinite(y[0, :, 4:]).all()
    assert np.isfinite(y[1]).all()


@pytest.mark.skipif(
    bool(numba.config.DISABLE_JIT) or numba.config.NUMBA_NUM_THREADS < 2,
    reason="needs two threads",
)
@pytest.mark.parametrize("images", [1, 7])
def test_same_bits_for_any_number_of_threads(images, rng):
    x, w, bias = arrays(rng, (images, 17, 16, 33), 34, np.float32)
    results = []
    before = numba.get_num_threads()
    for threads in (1, 2, 2):
        numba.set_num_threads(threads)
        y = k.winograd(x, w, bias, SAME)
        results.append(y.tobytes() + dx_of(y, w, x.shape, SAME).tobytes())
        results[-1] += k_dw.winograd_dw(x, y, w.shape, SAME).tobytes()
    numba.set_num_threads(before)
    assert results[0] == results[1] == results[2]


# --- as conv2d uses it --------------------------------------------------------


@pytest.mark.parametrize(
    "x_shape, filters, options, uses",
    [
        ((8, 18, 18, 16), 16, {}, True),
        ((8, 18, 18, 15), 16, {}, False),
        ((8, 18, 18, 16), 15, {}, False),
        ((8, 18, 18, 16), 16, {"strides": (1, 2)}, False),
        ((8, 18, 18, 16), 16, {"dilation": (2, 1)}, False),
        ((8, 18, 18, 32), 32, {"groups": 2}, True),
        ((8, 18, 18, 30), 32, {"groups": 2}, False),
        ((7, 18, 18, 16), 16, {}, False),  # 112 tiles of 16 channels
        ((1, 18, 18, 128), 130, {}, True),  # 16 tiles of 128
        ((40, 7, 7, 16), 16, {}, False),  # 25 of 64 outputs are wanted
    ],
)
def test_conv2d_uses_it_where_it_is_faster(x_shape, filters, options, uses):
    x = np.zeros(x_shape, np.float32)
    groups = options.get("groups", 1)
    w = np.zeros((3, 3, x_shape[3] // groups, filters), np.float32)
    window = options.get("strides", (1, 1)), NONE, options.get("dilation", (1, 1))
    y = np.zeros(direct.conv2d_shape(x.shape, w.shape, *window), np.float32)
    tasks = direct.conv2d_tasks(x, w, np.zeros(filters, "f4"), y, *window, groups)
    assert (tasks[-1].body.__name__ == "tiles_item") == uses
    tasks = direct.conv2d_dw_tasks(x, y, w, *window, groups)
    assert (tasks[0].body.__name__ == "dw_item") == uses
    tasks = direct.conv2d_tasks(
        x.astype(float), w.astype(float), np.zeros(filters), y.astype(float), *window,
        groups,
    )  # fmt: skip
    assert tasks[-1].body.__name__ != "tiles_item"


@pytest.mark.parametrize("pads", [NONE, SAME, ((2, 0), (1, 2)), ((3, 0), (0, 0))])
def test_conv2d_and_its_gradients_with_it(pads, rng, monkeypatch):
    monkeypatch.setattr(direct, "WORK", 1)
    x, w, bias = arrays(rng, (2, 14, 15, 17), 18, np.float32)
    y = direct.conv2d(x, w, bias, pads=pads)
    dy = rng.standard_normal(y.shape).astype(np.float32)
    dx = direct.conv2d_dx(dy, w, x.shape, pads=pads)
    dw = direct.conv2d_dw(x, dy, w.shape, pads=pads)
    xd, wd, bd, dyd = (a.astype(np.float64) for a in (x, w, bias, dy))
    for actual, expected in (
        (y, direct.conv2d(xd, wd, bd, pads=pads)),
        (dx, direct.conv2d_dx(dyd, wd, x.shape, pads=pads)),
        (dw, direct.conv2d_dw(xd, dyd, w.shape, pads=pads)),
    ):
        assert actual.dtype == np.float32
        scale = np.abs(expected).max()
        np.testing.assert_allclose(actual, expected, rtol=0, atol=4e-6 * scale)


@pytest.fixture
def everywhere(monkeypatch):
    """Let conv2d take Winograd's tiles for few channels, and in float64."""
    monkeypatch.setattr(direct, "CHANNELS", 1)
    monkeypatch.setattr(direct, "WORK", 1)
    monkeypatch.setattr(direct, "DTYPES", {np.dtype(np.float64)})
    used = []
    tasks = k.winograd_tasks

    def noted(*arguments, **options):
        used.append(arguments[0].dtype)
        return tasks(*arguments, **options)

    dw_tasks = k_dw.winograd_dw_tasks

    def noted_dw(*arguments):
        used.append("dw")
        return dw_tasks(*arguments)

    monkeypatch.setattr(direct, "winograd_dw_tasks", noted_dw)
    for module in (direct, fused, k):
        monkeypatch.setattr(module, "winograd_tasks", noted)
    return used


@too_slow_without_jit
@pytest.mark.parametrize("padding", ["valid", "same"])
def test_gradients_of_a_layer_with_it(padding, everywhere, rng):
    layer = Conv2D(5, 3, padding=padding, activation="tanh")
    report = check_layer(layer, rng.standard_normal((2, 10, 8, 3)), samples=40)
    assert report.passed, report
    assert set(everywhere) == {np.dtype(np.float64), "dw"}


@too_slow_without_jit
@pytest.mark.parametrize("fuse", [True, False], ids=["plan", "list"])
def test_gradients_of_a_model_with_it(fuse, everywhere, rng):
    layers = [Conv2D(4, 3, activation="relu"), Conv2D(3, 3, activation="relu")]
    layers += [MaxPool(2), Flatten(), Dense(2, "softmax")]
    model = Sequential(layers, dtype="float64")
    model.compile("sgd", "categorical_crossentropy", fuse=fuse)
    x, y = rng.standard_normal((2, 12, 12, 2)), np.eye(2)
    everywhere.clear()
    report = check_model(model, x, y)
    assert report.passed, report
    assert everywhere


@pytest.mark.parametrize("count", [1, 2, 16])
def test_bits_do_not_depend_on_the_cut(count, dtype, rng, monkeypatch):
    x = rng.standard_normal((3, 9, 21, 5)).astype(dtype)
    w = rng.standard_normal((3, 3, 5, 70)).astype(dtype)
    bias = rng.standard_normal(70).astype(dtype)
    expected = k.winograd(x, w, bias, SAME)
    pair = 2 * VECTOR_BYTES // x.itemsize
    monkeypatch.setattr(k, "cut_tiles", lambda *_: (6, pair * count))
    np.testing.assert_array_equal(k.winograd(x, w, bias, SAME), expected)


def test_cuts_worked_out_by_hand(monkeypatch):
    monkeypatch.setattr(k, "THREADS", 2)
    cut = k.cut_tiles.__wrapped__
    # 288 tiles of all 64 filters, in 6 blocks, 3 a thread: 3 * (48 + 3) * (64 + 16)
    # units; in 8 of 36 they would be 4 * 39 * 80
    assert cut(288, 64, 8) == (48, 64)
    # 16 tiles: halves of the filters, 1 * 19 * 48; 12 tiles in one block and 4 in
    # another would be 1 * 15 * 80
    assert cut(16, 64, 8) == (16, 32)
