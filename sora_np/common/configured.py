"""``get_config``, ``from_config`` and ``dtype``, as Keras's objects have them."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import numpy as np

from .names import arguments_of, made_of

T = TypeVar("T", bound="Configured")


class Configured:
    """An object whose arguments are attributes of the same names.

    >>> class Power(Configured):
    ...     def __init__(self, exponent=1):
    ...         self.exponent = exponent
    >>> config = Power(3).get_config()
    >>> config, Power.from_config(config).exponent
    ({'exponent': 3}, 3)
    """

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal object."""
        return arguments_of(self)

    @classmethod
    def from_config(cls: type[T], config: Mapping[str, Any]) -> T:
        """Return a new object from the dictionary of ``get_config``."""
        return made_of(cls, config)


class TakesDtype(Configured):
    """Such an object whose classes in this package also take ``dtype`` by keyword.

    Keras's losses and metrics have this argument.  "float32" and "float64" change
    nothing here: a loss computes in the dtype of the predictions, and a metric sums in
    float64.  Any other dtype raises ValueError.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        """Let ``__init__`` of a class of this package take ``dtype``."""
        super().__init_subclass__(**options)
        if "__init__" in vars(cls) and cls.__module__.split(".")[0] == "sora_np":
            setattr(cls, "__init__", _with_dtype(cls.__init__))  # noqa: B010


def _with_dtype(function: Any) -> Callable[..., None]:
    """Return an ``__init__`` that also takes dtype, and checks it."""

    @functools.wraps(function)
    def init(self: Any, *args: Any, **given: Any) -> None:
        if "dtype" in given:
            _check_dtype(type(self).__name__, given.pop("dtype"))
        function(self, *args, **given)

    return init


def _check_dtype(whose: str, dtype: Any) -> None:
    try:
        known = dtype is None or np.dtype(dtype) in (np.float32, np.float64)
    except TypeError:  # "bfloat16" is no dtype of NumPy
        known = False
    if not known:
        raise ValueError(
            f'{whose}: dtype must be None, "float32" or "float64", got {dtype!r:.80}: '
            "a loss computes in the dtype of y_pred, and a metric sums in float64"
        )
