"""Keras's ``keras.datasets``: each is imported at its first use."""

from typing import Any

from sora_np import datasets
from sora_np.datasets import __all__ as __all__


def __getattr__(name: str) -> Any:
    return getattr(datasets, name)


def __dir__() -> list[str]:
    return [*__all__]
