import guards
import pytest


@pytest.fixture(autouse=True)
def between_guards(monkeypatch):
    """Every kernel of these tests runs between guards."""
    guards.install(monkeypatch)
