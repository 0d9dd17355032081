"""The number that a callback watches, and whether it has improved."""

import difflib
from typing import Any

import numpy as np

from sora_np.common.arguments import as_number
from sora_np.common.warn import warn

from .base import Callback, Logs, direction_of, foreseen


class Monitor:
    """One number in the logs of an epoch.

    Parameters
    ----------
    name : such as "val_loss"
    mode : "min", "max", or "auto" for the metric's ``direction``
    min_delta : the smallest change that counts as an improvement
    """

    def __init__(self, name: str, mode: str, min_delta: float = 0.0) -> None:
        if not isinstance(name, str):
            raise TypeError(f'monitor must be a name such as "val_loss", got {name!r}')
        if mode not in ("auto", "min", "max"):
            raise ValueError(f'mode must be "auto", "min" or "max", got {mode!r}')
        self.name, self.mode = name, mode
        self.min_delta = abs(as_number(min_delta, "min_delta"))

    def begin(self, callback: Callback, text: str, by_batch: bool = False) -> None:
        """Find out, before training, which direction is better.

        Warns, with ``text``, if there will be no such number.  Raises ValueError if the
        direction is not known, or the value is an array.
        """
        self._callback, self._text, self._has_warned = callback, text, False
        mode, model = self.mode, callback.model
        if mode == "auto":
            mode = direction_of(self.name, model) or "auto"
        if mode == "auto":
            known = model.metrics_names
            if callback.params["validation_freq"]:
                known = [*known, *(f"val_{name}" for name in known)]
            raise ValueError(
                f"{type(callback).__name__} cannot tell whether {self.name!r} is "
                'better when it rises or falls: pass mode="max" or mode="min". '
                f"{_among(self.name, known)}"
            )
        self._rises = mode == "max"
        if self.name.removeprefix("val_") in model._steps.arrays:
            raise ValueError(self._is_array())
        names = foreseen(callback, by_batch)
        if names is not None and self.name not in names:
            self._warn(names)

    @property
    def comes_later(self) -> bool:
        """Whether epochs lack the number only because they are not validated."""
        validates = self._callback.params["validation_freq"] > 1
        return bool(validates) and self.name.startswith("val_")

    def value(self, logs: Logs) -> float | None:
        """Return the number, or None if it is missing, with one warning.

        Raises ValueError if it is an array.
        """
        value: Any = logs.get(self.name)
        if value is None:
            if not self.comes_later and not self._has_warned:
                self._warn(list(logs))
            return None
        if np.ndim(value):
            raise ValueError(self._is_array())
        return float(value)

    def _warn(self, names: list[str]) -> None:
        self._has_warned = True
        warn(f"{self._text.format(self.name)}. {_among(self.name, names)}")

    def _is_array(self) -> str:
        return (
            f"{type(self._callback).__name__} watches one number, but {self.name!r} is "
            "an array: give the metric an average"
        )

    def is_better(self, value: float, than: float | None) -> bool:
        """Whether ``value`` is better; NaN never is, other numbers beat None."""
        if np.isnan(value):
            return False
        if than is None:
            return True
        delta = self.min_delta
        return value - delta > than if self._rises else value + delta < than


def _among(name: str, known: list[str]) -> str:
    """Return a sentence with the known names and the nearest one."""
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    if name.startswith("val_") and name.removeprefix("val_") in known:
        hint = "; fit was given neither validation_data nor validation_split"
    return f"Available metrics are: {','.join(known)}{hint}"
