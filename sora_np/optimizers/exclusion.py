"""Which parameters have no weight decay."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np

from sora_np.kernels.machine.arrays import Array


class Flat(Protocol):
    """What is asked of the parameters of a model; ``FlatParameters`` has it all."""

    values: Array
    names: list[str]

    @property
    def parts(self) -> list[slice]: ...
    def places_of(self, array: Any) -> list[int]: ...


class Exclusion:
    """Parameters by themselves, or by patterns of their names.

    Parameters
    ----------
    var_list : arrays of ``layer.params``; those of a vector that no model has are views
        of it
    var_names : regular expressions, one of which is found in a name such as "bias"

    Raises
    ------
    TypeError, ValueError : for what are no arrays, or no patterns
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
        self._places: list[tuple[int, int]] | None = None  # of the arrays, once found

    def decayed(
        self, params: Array, ranges: Sequence[slice], flat: Flat | None
    ) -> list[slice]:
        """Return those of the ranges of params (P,) that are not excluded.

        Parameters
        ----------
        flat : the parameters of the model that is trained; None for a bare vector

        Raises
        ------
        ValueError : for an array that is none of the parameters; for names of a bare
            vector, which has none
        """
        if flat is None and self._patterns:
            raise ValueError(
                "var_names are names of a model's parameters, and this optimiser steps "
                "a vector that is none: give var_list"
            )
        if self._places is None:
            self._places = [_place(a, params, ranges, flat) for a in self._arrays]
            self._arrays = []  # a model moves its arrays, but these keep their order
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
    """Return where in params an array lies."""
    known = list(ranges) if flat is None else flat.parts
    offset = (array.ctypes.data - params.ctypes.data) // params.itemsize
    for number, part in enumerate(known):
        here = (part.start, part.stop) == (offset, offset + array.size)
        if here or (flat is not None and number in flat.places_of(array)):
            return part.start, part.stop
    raise ValueError(
        f"var_list has an array of shape {array.shape} that is no parameter of what is "
        "trained: take it from layer.params once the model is built"
    )
