import gc
import os

import numpy as np
import pytest

if "PYTEST_XDIST_WORKER" in os.environ:  # two processes share the cores
    os.environ.setdefault("NUMBA_NUM_THREADS", "1")


def pytest_collection_finish():
    """Spare the collector 20,000 tests, at which it looks again and again."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


TOLERANCE = {"float32": 1e-5, "float64": 1e-12}


@pytest.fixture(params=["float32", "float64"])
def dtype(request):
    return request.param


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def close(dtype):
    """Equal in value to the dtype's tolerance, of that dtype and of one shape."""

    def check(actual, expected, name=""):
        assert actual.dtype == dtype, name
        assert actual.shape == np.shape(expected), name
        scale = np.abs(expected).max(initial=1e-9)
        np.testing.assert_allclose(
            actual, expected, rtol=0, atol=TOLERANCE[dtype] * scale, err_msg=name
        )

    return check
