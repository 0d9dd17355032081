import numpy as np
import pytest

from sora_np.kernels import dense as k

SHAPES = [(1, 1, 1), (0, 4, 3), (3, 7, 10), (31, 61, 17), (64, 5, 33), (7, 130, 65)]


@pytest.fixture(params=SHAPES, ids=str)
def problem(request, dtype, rng):
    n, inputs, outputs = request.param
    shapes = (n, inputs), (inputs, outputs), (outputs,), (n, outputs)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def test_forward_is_the_formula(problem, close):
    x, w, bias, _ = problem
    close(k.dense(x, w, bias), k.dense_reference(x, w, bias))


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
