import numpy as np
import pytest

from sora_np.kernels.core import dense as k
from sora_np.kernels.loops import matrices, sweeps
from sora_np.kernels.machine.tasks import run

SHAPES = [(1, 1, 1), (0, 4, 3), (3, 7, 10), (31, 61, 17), (64, 5, 33), (7, 130, 65)]


@pytest.fixture(params=SHAPES, ids=str)
def problem(request, dtype, rng):
    n, inputs, outputs = request.param
    shapes = (n, inputs), (inputs, outputs), (outputs,), (n, outputs)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def test_forward_is_the_formula(problem, close):
    x, w, bias, _ = problem
    close(k.dense(x, w, bias), k.dense_reference(x, w, bias))


@pytest.mark.parametrize("relu", [False, True], ids=["linear", "relu"])
def test_part_by_part_it_is_the_same_to_the_bit(relu, dtype, rng, monkeypatch):
    shapes = (7, 130), (130, 65), 65
    x, w, bias = (rng.standard_normal(shape).astype(dtype) for shape in shapes)
    whole, parts = np.empty((2, 7, 65), dtype)
    monkeypatch.setattr(matrices, "is_deep", lambda *_: False)
    run(*k.dense_tasks(x, w, bias, whole, relu))
    monkeypatch.setattr(matrices, "is_deep", lambda *_: True)
    run(*k.dense_tasks(x, w, bias, parts, relu))
    np.testing.assert_array_equal(parts, whole)


def test_many_inputs_of_few_rows_come_part_by_part(dtype, close, rng, monkeypatch):
    monkeypatch.setattr(sweeps, "THREADS", 2)
    monkeypatch.setattr(matrices, "cut", sweeps.cut.__wrapped__)
    x, w = (rng.standard_normal(s).astype(dtype) for s in ((9, 1100), (1100, 256)))
    assert matrices.is_deep(9, 1100, 256, x.itemsize)
    assert not matrices.is_deep(9, 50, 256, x.itemsize)
    x[3, 7] = np.nan
    y = np.empty((9, 256), dtype)
    run(*k.dense_tasks(x, w, w[0], y, relu=True))
    assert np.isnan(y[3]).all()
    x[3], y[3] = 0, np.maximum(w[0], 0)
    close(y, np.maximum(x @ w + w[0], 0))


@pytest.mark.parametrize("inputs", [1, 8, 9, 61, 300])
@pytest.mark.parametrize("outputs", [1, 10, 33, 64, 150])
def test_a_long_row_is_the_formula(inputs, outputs, dtype, close, rng):
    shapes = (1, inputs), (inputs, outputs), (outputs,), (1, outputs)
    x, w, bias, y = (rng.standard_normal(shape).astype(dtype) for shape in shapes)
    expected = k.dense_reference(x, w, bias)
    run(*matrices.long_row_tasks(x, w, bias, False, y))
    close(y, expected)
    run(*matrices.long_row_tasks(x, w, bias, True, y))
    close(y, np.maximum(expected, 0))
    x[0, 0] = np.nan
    run(*matrices.long_row_tasks(x, w, bias, True, y))
    assert np.isnan(y).all()


def test_only_one_row_of_many_inputs_is_a_long_row():
    assert matrices.is_long_row(1, 1600, 128, 4)
    for shape in [(2, 1600, 128), (1, 128, 1600), (1, 1600, 10)]:
        assert not matrices.is_long_row(*shape, 4)


def test_dw_is_the_formula(problem, close):
    x, _, _, dy = problem
    close(k.dense_dw(x, dy), k.dense_dw_reference(x, dy))


def test_dx_is_the_formula(problem, close):
    _, w, _, dy = problem
    close(k.dense_dx(dy, w), k.dense_dx_reference(dy, w))


def test_references_agree_with_matrix_products(rng):
    x, w, dy = (rng.standard_normal(shape) for shape in ((3, 4), (4, 2), (3, 2)))
    np.testing.assert_allclose(k.dense_reference(x, w, np.ones(2)), x @ w + 1)
    np.testing.assert_allclose(k.dense_dw_reference(x, dy), x.T @ dy)
    np.testing.assert_allclose(k.dense_dx_reference(dy, w), dy @ w.T)
