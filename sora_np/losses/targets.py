"""Checks targets of classification: shares, one-hot rows and labels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sora_np.common.warn import warn
from sora_np.kernels.machine.arrays import Array, kernel_array

ROUNDING = 1e-5  # a share may be this far outside [0, 1]


def within(t: Array, name: str, low: float = 0) -> Array:
    """Return targets of the loss ``name``; raise ValueError if one is not in [low, 1].

    Targets may be outside by rounding.
    """
    least, most = float(t.min(initial=0)), float(t.max(initial=0))
    if least >= low - ROUNDING and most <= 1 + ROUNDING:
        return t
    wrong = (t < low - ROUNDING) | (t > 1 + ROUNDING)  # not NaN: the loss shows that
    if not wrong.any():
        return t
    place = tuple(map(int, np.argwhere(wrong)[0]))
    if most == 255:
        cure = "divide bytes by 255"
    elif most <= 1:
        cure = "y = (y + 1) / 2, or loss='hinge' for labels -1 and 1"
    elif most <= 2:
        cure = "y = y - 1 for labels 1 and 2"
    else:
        cure = "y = (y == LABEL) for one label, or use loss='mse' for numbers"
    raise ValueError(
        f"{name} takes targets from {low} to 1, got {t[place]:g} at "
        f"y_true[{', '.join(map(str, place))}]: convert them first, {cure}"
    )


def class_labels(
    labels: NDArray[Any], classes: int, ignored: int | None, name: str
) -> NDArray[np.int64]:
    """Return labels as ints; raise ValueError if one is not in 0..classes - 1.

    Parameters
    ----------
    ignored : one more label that is allowed; None for none
    """
    if labels.dtype.kind not in "iub":
        kernel_array(labels, name="y_true")
        if not np.array_equal(labels, np.trunc(labels)):  # NaN is unequal too
            raise ValueError(
                f"{name} takes whole-number labels, got y_true of {labels.dtype} with "
                "fractions or NaN"
            )
    wrong = (labels < 0) | (labels >= classes)
    if ignored is not None:
        wrong &= labels != ignored
    if wrong.any():
        place = tuple(map(int, np.argwhere(wrong)[0]))
        raise ValueError(
            f"{name} takes labels from 0 to {classes - 1} ({classes} classes), got "
            f"{labels[place]} at y_true[{', '.join(map(str, place))}]"
        )
    return labels.astype(np.int64)


def warn_of_rows(y_true: Any, axis: int, name: str) -> None:
    """Warn of rows along ``axis`` that do not sum to 1.

    Rows of zeros bring no warning: such a sample has the loss 0.  ``batches/arrays.py``
    warns of NaN and infinity.
    """
    sums: Any = np.add.reduce(y_true, axis, np.float64)
    if not np.count_nonzero(sums != 1):
        return
    wrong = (np.abs(sums - 1) >= 1e-3) & (sums != 0) & np.isfinite(sums)
    if wrong.any():
        place = tuple(map(int, np.argwhere(wrong)[0]))
        warn(
            f"{name} takes one-hot rows, or shares that sum to 1, but "
            f"y_true[{', '.join(map(str, place))}] sums to {sums[place]:g}: if a "
            "sample has several labels, use sigmoid and binary_crossentropy; if y_true "
            "holds bytes, divide them by 255"
        )


def label_hint(labels: Array, one_hot: Array, other: str) -> str:
    """Return a hint if these targets fit the loss ``other``."""
    if one_hot.ndim == labels.ndim + 1 or labels.shape[1:] == (1,):
        return f": for these targets use loss={other!r}, or convert them"
    return ""
