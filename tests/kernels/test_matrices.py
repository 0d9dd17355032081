import guards
import numpy as np
import pytest

from sora_np.kernels.loops.matrices import transpose_task, turned_task
from sora_np.kernels.machine.tasks import Program
from sora_np.kernels.machine.tile import VECTOR_BYTES

LANES = VECTOR_BYTES // 4
SHAPES = [
    *((LANES, LANES), (LANES + 1, 2 * LANES + 3), (3 * LANES, LANES + 1)),
    *((1, 5), (LANES - 1, 40), (2 * LANES + 5, 2 * LANES)),
]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_transpose(shape, dtype, rng):
    """Of any shape; nothing beside the arrays is touched."""
    w = rng.standard_normal(shape).astype(dtype)
    w_t = np.zeros(shape[::-1], dtype)
    guards.run_guarded(Program([transpose_task(w, w_t)]))
    np.testing.assert_array_equal(w_t, w.T)


@pytest.mark.parametrize(
    "rows, outputs, inputs",
    [(2, 1, 1), (7, 10, 3), (61, 33, 70), (130, 16, 4 * LANES), (9, 200, 129)],
)
def test_turned_product(rows, outputs, inputs, dtype, close, rng):
    dy = rng.standard_normal((rows, outputs)).astype(dtype)
    w = rng.standard_normal((inputs, outputs)).astype(dtype)
    dx = np.zeros((rows, inputs), dtype)
    guards.run_guarded(Program([turned_task(dy, w, dx)]))
    close(dx, np.einsum("no,ko->nk", dy, w))
