"""Exclusion: the parameters without weight decay."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np

from sora_np.kernels.machine.arrays import Array


class Flat(Protocol):
    """The attributes of ``FlatParameters`` that are used here."""

    values: Array
    names: list[str]

    @property
    def parts(self) -> list[slice]: ...
    def places_of(self, array: Any) -> list[int]: ...


class Exclusion:
    """Parameters, given as arrays or by patterns of their names.

    Parameters
    ----------
    var_list : arrays of ``layer.params``; without a model, views of the vector
    var_names : regular expressions; a parameter is excluded if one of them is found in
        its name, such as "bias"

    Raises
    ------
    TypeError, ValueError : if an entry is not an array, or not a pattern
    """

    def __init__(self, var_list: Any, var_names: Any) -> None:
        self._arrays = [*(var_list or ())]
        for array in self._arrays:
            if not isinstance(array, np.ndarray):
                raise TypeError(
                    "var_list must be a list of arrays, such as layer.params['bias'], "
                    f"got {type(array).__name__} in it"
                )
        names = [var_names] if isinstance(var_names, str) else [*(var_names or ())]
        try:
            self._patterns = [re.compile(name) for name in names]
        except (TypeError, re.error) as error:
            raise ValueError(
                f"var_names must be a list of regular expressions, got {names}: {error}"
            ) from None
        self._places: list[tuple[int, int]] | None = None  # the arrays' places

    def decayed(
        self, params: Array, ranges: Sequence[slice], flat: Flat | None
    ) -> list[slice]:
        """Return the ranges of params (P,) that are not excluded.

        Parameters
        ----------
        flat : the parameters of the model that is trained; None without a model

        Raises
        ------
        ValueError : for an array that is not a parameter; for names without a model
        """
        if flat is None and self._patterns:
            raise ValueError(
                "var_names are names of a model's parameters, but this optimiser "
                "changes a vector without a model: use var_list"
            )
        if self._places is None:
            self._places = [_place(a, params, ranges, flat) for a in self._arrays]
            self._arrays = []  # a model moves its arrays, but their places stay
        without = set(self._places)
        if flat is not None:
            without |= {
                (part.start, part.stop)
                for name, part in zip(flat.names, flat.parts, strict=True)
                if any(pattern.search(name) for pattern in self._patterns)
            }
        return [part for part in ranges if (part.start, part.stop) not in without]


def _place(
    array: Any, params: Array, ranges: Iterable[slice], flat: Flat | None
) -> tuple[int, int]:
    """Return the (start, stop) of an array in params."""
    known = list(ranges) if flat is None else flat.parts
    offset = (array.ctypes.data - params.ctypes.data) // params.itemsize
    for number, part in enumerate(known):
        here = (part.start, part.stop) == (offset, offset + array.size)
        if here or (flat is not None and number in flat.places_of(array)):
            return part.start, part.stop
    raise ValueError(
        f"var_list has an array of shape {array.shape} that is not a parameter of this "
        "model: take it from layer.params after the model is built"
    )
