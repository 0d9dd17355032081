import numpy as np
import pytest


@pytest.fixture
def batch():
    """Three images and labels for ``cases.network``."""
    rng = np.random.default_rng(3)
    return rng.standard_normal((3, 5, 7, 2)).round(2), np.array([2, 0, 1])
