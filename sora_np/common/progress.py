"""Progress of a pass over batches, on a terminal and elsewhere."""

import os
import sys
import time
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np

from .compiling import COMPILING
from .terminal import in_notebook, printable


class Progress:
    """The progress of a pass over batches: a bar, a line at its end, or nothing.

    Used as a context manager, it notices when numba compiles, and the bar says so.  The
    rate, and with it the remaining time, is computed from the steps that compile
    nothing, without the first, which loads machine code and allocates buffers.

    Parameters
    ----------
    verbose : "auto" or 1 (a tqdm bar in a terminal or notebook if tqdm is installed,
        else as 2), 2 (one line at the end), 0 (nothing)
    steps : the number of batches; None if it is not known
    title : the beginning of the line
    done : how many batches an earlier process has done
    """

    def __init__(
        self, verbose: Any, steps: int | None, title: str, done: int = 0
    ) -> None:
        if verbose not in ("auto", 0, 1, 2):
            raise ValueError(f'verbose must be "auto", 0, 1 or 2, got {verbose!r}')
        self.steps, self.title, self.silent = steps, title, not verbose
        self._bar = _tqdm_bar(steps, title, done) if verbose in ("auto", 1) else None
        self._start = time.perf_counter()
        self._before, self._done = done, 0
        self._since: float | None = self._start  # start of a time without rate
        self._steps_left_out, self._seconds_left_out = 0, 0.0
        self._text = ""  # at the end of the bar

    def __enter__(self) -> "Progress":
        COMPILING.called.append(self._compiles)
        return self

    def __exit__(self, *error: object) -> None:
        COMPILING.called.remove(self._compiles)
        self.close()

    def _compiles(self) -> None:
        """Note that a function starts to compile."""
        if self._since is None:
            self._since = time.perf_counter()
        if self._bar is not None:
            self._bar.set_postfix_str("compiling")

    def update(self, logs: Mapping[str, Any]) -> None:
        """Count a batch; ``logs`` has the means so far."""
        self._done += 1
        left_out = self._leave_out()
        self._steps_left_out += left_out
        if self._bar is not None:
            self._text = format_logs(logs)
            self._bar.set_postfix_str(self._text, refresh=False)
            if left_out:
                _count_without_time(self._bar)
            else:
                self._bar.update()

    def validated(self, logs: Mapping[str, Any]) -> None:
        """Continue after a batch of validation, which is not counted."""
        if self._leave_out() and self._bar is not None:
            self._bar.set_postfix_str(self._text)

    def _leave_out(self) -> bool:
        """Exclude this batch's time if it compiled or is the first; return whether."""
        if self._since is None:
            return False
        self._seconds_left_out += time.perf_counter() - self._since
        self._since = None
        return True

    def close(self, logs: Mapping[str, Any] | None = None) -> None:
        """Close the bar; with ``logs``, write the line."""
        if self._bar is not None:
            self._bar.close()
        if self.silent or logs is None:
            return
        now = time.perf_counter()
        rate = (now - self._start) / max(self._done, 1)
        if self._done > self._steps_left_out:
            rate = now - self._start - self._seconds_left_out
            rate /= self._done - self._steps_left_out
        done = self._before + self._done
        count = f"{done}/{self.steps or done}"
        parts = [self.title, count, f"{now - self._start:.0f}s"]
        parts += [f"{_format_time(rate)}/step", format_logs(logs)]
        print(printable(" - ".join(part for part in parts if part)), flush=True)


def _tqdm_bar(steps: int | None, title: str, done: int) -> Any:
    """Return a bar that disappears at its end, or None if none can be shown."""
    notebook = in_notebook()
    if not notebook and not (sys.stderr is not None and sys.stderr.isatty()):
        return None
    if os.environ.get("TERM") == "dumb":  # cannot return to the start of a line
        return None
    try:
        if notebook and find_spec("ipywidgets") is None:  # tqdm.auto would warn
            from tqdm.std import tqdm
        else:
            from tqdm.auto import tqdm
    except ImportError:
        return None
    return tqdm(
        total=steps,
        desc=title or None,
        file=sys.stdout if notebook else None,  # a notebook shows stderr in red
        **{"leave": False, "dynamic_ncols": True, "initial": done},
    )


def _count_without_time(bar: Any) -> None:
    """Advance a bar by one step that its rate does not count."""
    bar.n += 1
    bar.initial += 1
    bar.last_print_n, bar.last_print_t = bar.n, time.time()
    bar.refresh()


def format_logs(logs: Mapping[str, Any]) -> str:
    """Write numbers as Keras does: as .4f, or as .4e up to 0.001.

    >>> format_logs({"loss": 0.25, "accuracy": 0.5, "mse": 1e-5})
    'accuracy: 0.5000 - loss: 0.2500 - mse: 1.0000e-05'
    """
    return " - ".join(f"{name}: {_format(v)}" for name, v in sorted(logs.items()))


def _format(value: Any) -> str:
    if np.ndim(value):
        return f"[{' '.join(map(_format, value))}]"
    return f"{value:.4e}" if abs(value) <= 1e-3 else f"{value:.4f}"


def _format_time(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"
