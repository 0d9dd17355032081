"""Warnings that point to the user's line, not to a line of this package."""

import sys
import warnings

from .terminal import shortened


def warn(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the innermost line of the call stack that is outside this package."""
    level, frame = 2, sys._getframe(1)
    while frame.f_back is not None and _is_ours(frame.f_globals.get("__name__", "")):
        level, frame = level + 1, frame.f_back
    warnings.warn(shortened(text), category, stacklevel=level)


def _is_ours(module: str) -> bool:
    # np.errstate as a decorator adds frames between ours
    return module.split(".")[0] in ("sora_np", "numpy", "contextlib")
