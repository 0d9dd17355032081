"""Keras's ``keras.utils``: ``sora_np.utils``, and functions of other folders."""

from collections import abc
from os import PathLike
from pathlib import Path
from typing import Any

from sora_np import plots
from sora_np import utils as _utils
from sora_np.common.progress import Progress
from sora_np.common.warn import warn
from sora_np.layers.symbol import Symbol
from sora_np.saving import register
from sora_np.saving.registry import REGISTERED
from sora_np.utils import *

from .backend import clear_session

__all__ = [
    *_utils.__all__,
    "CustomObjectScope",
    "Progbar",
    "clear_session",
    "custom_object_scope",
    "get_custom_objects",
    "get_source_inputs",
    "plot_model",
    "register_keras_serializable",
]


def load_img(  # type: ignore[no-redef]
    path: str | PathLike[str],
    color_mode: str | bool = "rgb",
    target_size: abc.Sequence[int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
    *,
    grayscale: bool | None = None,
) -> Any:
    """Return a picture of Pillow from a file: see ``sora_np.utils.load_img``.

    Parameters
    ----------
    color_mode, target_size, interpolation, keep_aspect_ratio : see there
    grayscale : the old name, and the second argument, of Keras 2: True is
        color_mode="grayscale"; False leaves color_mode as it is

    Raises
    ------
    ImportError, OSError, ValueError : see there
    """
    old = color_mode if isinstance(color_mode, bool) else grayscale
    mode = "rgb" if isinstance(color_mode, bool) else color_mode
    if old is not None:
        warn(
            "load_img(grayscale=) is an old name of Keras's: write "
            'color_mode="grayscale" or color_mode="rgb"',
            DeprecationWarning,
        )
        mode = "grayscale" if old else mode
    given = target_size, interpolation, keep_aspect_ratio
    return _utils.load_img(path, mode, *given)


def get_custom_objects() -> dict[str, Any]:
    """Return the classes and functions that files may name, by their names.

    A name that is added here is found by ``load_model``, as those of ``custom_objects``
    are.
    """
    return REGISTERED


class custom_object_scope:  # noqa: N801
    """Let files name classes and functions within a ``with`` block.

    >>> with custom_object_scope({"own": abs}):
    ...     "own" in get_custom_objects()
    True
    >>> "own" in get_custom_objects()
    False
    """

    def __init__(self, *custom_objects: abc.Mapping[str, Any]) -> None:
        self._added = {k: one for some in custom_objects for k, one in some.items()}

    def __enter__(self) -> "custom_object_scope":
        self._before = dict(REGISTERED)
        REGISTERED.update(self._added)
        return self

    def __exit__(self, *error: object) -> None:
        REGISTERED.clear()
        REGISTERED.update(self._before)


CustomObjectScope = custom_object_scope


def get_source_inputs(tensor: Any) -> list[Any]:
    """Return the inputs of the graph that a symbol was computed from."""
    found: dict[int, Symbol] = {}
    seen: set[int] = set()
    stack = [*tensor] if isinstance(tensor, (list, tuple)) else [tensor]
    while stack:
        symbol = stack.pop()
        if id(symbol) in seen:
            continue
        seen.add(id(symbol))
        if not symbol.call.inputs:
            found[id(symbol)] = symbol
        stack += reversed(symbol.call.inputs)
    return [*found.values()]


def plot_model(
    model: Any,
    to_file: str | Path | None = "model.png",
    show_shapes: bool = False,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = False,
    show_trainable: bool = False,
) -> Any:
    """Draw a model into a file by matplotlib, and return the figure.

    Parameters
    ----------
    to_file, show_shapes, rankdir : see ``sora_np.plots.plot_model``
    show_dtype, show_layer_activations, show_trainable, expand_nested : not drawn here;
        True brings a warning
    show_layer_names, dpi : without effect
    """
    asked = {
        "show_dtype": show_dtype,
        "expand_nested": expand_nested,
        "show_layer_activations": show_layer_activations,
        "show_trainable": show_trainable,
    }
    if named := [name for name, value in asked.items() if value]:
        warn(f"plot_model does not draw what {', '.join(named)} asks for")
    return plots.plot_model(model, to_file, show_shapes, rankdir)


def register_keras_serializable(
    package: str = "Custom", name: str | None = None
) -> Any:
    """Let files name your own class: see ``sora_np.saving.register``."""
    return lambda cls: register(cls)


class Progbar:
    """A bar for a loop of your own, as that of ``fit``, or a line at its end.

    Parameters
    ----------
    target : the number of steps; None if it is not known
    verbose : 1 (a bar if there is a terminal and tqdm, else a line), 2 (a line) or 0
    stateful_metrics : names of values that are shown as they are; of others the mean
        over steps is shown until the last step.  None shows all as they are
    width, interval, unit_name : without effect

    Examples
    --------
    >>> bar = Progbar(4, verbose=2)
    >>> for step in range(4):
    ...     bar.update(step + 1, values=[("loss", step)])  # doctest: +ELLIPSIS
    4/4 - 0s - ...s/step - loss: 3.0000
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: abc.Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        self.target, self._progress = target, Progress(verbose, target, "")
        self.stateful_metrics = (
            None if stateful_metrics is None else {*stateful_metrics}
        )
        self._seen, self._sums = 0, dict[str, tuple[float, int]]()

    def update(
        self,
        current: int,
        values: abc.Iterable[tuple[str, float]] | None = None,
        finalize: bool | None = None,
    ) -> None:
        """Show that ``current`` steps are done; values count for the steps since then.

        The bar ends with ``finalize``, or if that is None at the target.
        """
        steps, self._seen = current - self._seen, current
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        for name, value in values or ():
            total, count, weight = *self._sums.get(name, (0.0, 0)), max(steps, 1)
            if (
                finalize
                or self.stateful_metrics is None
                or name in self.stateful_metrics
            ):
                total, count, weight = 0.0, 0, 1
            self._sums[name] = total + float(value) * weight, count + weight
        logs = {name: total / count for name, (total, count) in self._sums.items()}
        for _ in range(steps):
            self._progress.update(logs)
        if finalize:
            self._progress.close(logs)

    def add(
        self, n: int, values: abc.Iterable[tuple[str, float]] | None = None
    ) -> None:
        """Show that n more steps are done."""
        self.update(self._seen + n, values)
