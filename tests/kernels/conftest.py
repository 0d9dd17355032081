import guards
import numba
import numpy as np
import pytest


@pytest.fixture(autouse=True)
def between_guards(monkeypatch):
    """Every kernel of these tests runs between guards."""
    guards.install(monkeypatch)


@pytest.fixture(autouse=True)
def silent_arithmetic():
    """Machine code does not warn of infinity or NaN; nor shall the plain Python."""
    with np.errstate(all="ignore" if numba.config.DISABLE_JIT else None):
        yield
