"""The curves of a history: loss and metrics by epoch; bars and a table of one epoch.

``History.plot()`` draws them, and a notebook shows them.
"""

from collections.abc import Sequence
from html import escape
from typing import Any, Protocol

import numpy as np

from sora_np.common.markup import table

from .figure import TRAINING, VALIDATION, new_figure, plain, svg_of


class Epochs(Protocol):
    """The numbers of all epochs, in the form of ``History``."""

    history: dict[str, list[Any]]
    epoch: list[int]
    epochs_of: dict[str, list[int]]

    def direction(self, name: str) -> str | None:
        """Return whether "max" or "min" is better for a name, or None if unknown."""


def plot_history(history: Epochs, names: Sequence[str] | None = None) -> Any:
    """Return a figure with one panel for the loss and one for every metric, or some."""
    names = panels(history) if names is None else names
    if not names:
        raise ValueError("the history is empty: fit the model first")
    columns = min(len(names), 3)
    rows = -(-len(names) // columns)
    figure = new_figure(4.2 * columns, 3.2 * rows)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax in axes[len(names) :]:
        ax.remove()
    draw = _draw_curves if len(history.epoch) > 1 else _draw_bars
    for ax, name in zip(axes, names, strict=False):
        draw(ax, history, name)
    return figure.make_legible()


def panels(history: Epochs) -> list[str]:
    """Return the names that get a panel, the loss first."""
    names = {name.removeprefix("val_") for name in history.history}
    return sorted(names, key=lambda name: (name != "loss", name))


def best_epoch(history: Epochs, name: str) -> tuple[str, int, float] | None:
    """Return (name, epoch, value) of the best epoch of a loss or metric.

    Values of the validation decide if there are any.  NaN is never the best.  Returns
    None if it is unknown whether more is better, or if the values are arrays.

    >>> from sora_np.callbacks import History
    >>> history = History()
    >>> for epoch, loss in enumerate([0.5, 0.2, 0.3]):
    ...     history.on_epoch_end(epoch, {"loss": 0.9 - epoch / 10, "val_loss": loss})
    >>> best_epoch(history, "loss")
    ('val_loss', 1, 0.2)
    """
    shown = f"val_{name}" if f"val_{name}" in history.history else name
    values = np.array(history.history[shown], np.float64)
    direction = history.direction(name)
    if direction is None or values.ndim != 1 or np.isnan(values).all():
        return None
    place = int(np.nanargmax(values) if direction == "max" else np.nanargmin(values))
    return shown, history.epochs_of[shown][place], float(values[place])


def _draw_curves(ax: Any, history: Epochs, name: str) -> None:
    for shown, label, colour, line in _series(name):
        if shown in history.history:
            epochs = [epoch + 1 for epoch in history.epochs_of[shown]]
            values = np.array(history.history[shown], np.float64)
            marker = "o" if len(epochs) == 1 else None  # one point makes no line
            drawn = ax.plot(epochs, values, line, color=colour, marker=marker)
            drawn[0].set_label(label)  # once for several classes
    title = plain(name)
    best = best_epoch(history, name)
    if best is not None:
        shown, epoch, value = best
        colour = VALIDATION if shown.startswith("val_") else TRAINING
        ax.plot([epoch + 1], [value], "o", color=colour, label="best")
        title += f": best {value:.4g} in epoch {epoch + 1}"
    ax.set_title(title)
    ax.set_xlabel("epoch")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")  # an ASCII minus
    ax.grid(alpha=0.3)
    ax.legend()


def _draw_bars(ax: Any, history: Epochs, name: str) -> None:
    """Draw the numbers of the one epoch, of several classes side by side."""
    series = [one for one in _series(name) if one[0] in history.history]
    for place, (shown, label, colour, _) in enumerate(series):
        values = np.ravel(history.history[shown][0]).astype(np.float64)
        heights = np.where(np.isfinite(values), values, 0)
        centres = np.arange(len(values)) + 0.4 * (place - (len(series) - 1) / 2)
        bars = ax.bar(centres, heights, 0.36, color=colour, label=label)
        if len(values) <= 10:  # more are too narrow to be written above
            ax.bar_label(bars, [f"{value:.4g}" for value in values], padding=2)
        ax.set_xticks(range(len(values)) if len(values) > 1 else [])
        ax.set_xlabel("class" if len(values) > 1 else "")
        ax.set_xlim(-1, len(values))
    ax.set_title(f"{plain(name)} after epoch {history.epoch[0] + 1}")
    ax.margins(y=0.2)  # for what is written above
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")  # an ASCII minus
    ax.legend()


def _series(name: str) -> tuple[tuple[str, str, str, str], ...]:
    """Return (name, label, colour, line) for training and validation."""
    return (
        (name, "training", TRAINING, "--"),
        (f"val_{name}", "validation", VALIDATION, "-"),
    )


def history_html(history: Epochs) -> str:
    """Return the curves as an image, or a table of one epoch or without matplotlib."""
    if not history.epoch:
        return f"<p>{escape(repr(history))}</p>"
    if len(history.epoch) == 1:
        return history_table(history)
    try:
        picture = svg_of(plot_history(history))
    except ImportError:
        return history_table(history)
    return f'<img alt="{escape(in_words(history))}" src="{picture}">'


def in_words(history: Epochs, names: Sequence[str] | None = None) -> str:
    """Describe the curves in words, for readers who cannot see them.

    >>> from sora_np.callbacks import History
    >>> history = History()
    >>> for epoch, loss in enumerate([0.5, 0.2]):
    ...     history.on_epoch_end(epoch, {"loss": loss})
    >>> in_words(history)
    'Curves of loss over 2 epochs. loss: best 0.2 in epoch 2.'
    """
    names = panels(history) if names is None else names
    if len(history.epoch) == 1:
        return f"Bars of {', '.join(names)} after one epoch."
    text = f"Curves of {', '.join(names)} over {len(history.epoch)} epochs."
    for name in names:
        best = best_epoch(history, name)
        if best is not None:
            text += f" {best[0]}: best {best[2]:.4g} in epoch {best[1] + 1}."
    return text


def history_table(history: Epochs) -> str:
    """Return the numbers of all epochs as an HTML table."""
    rows = []
    for epoch in history.epoch:
        cells = [str(epoch + 1)]
        for name, values in history.history.items():
            epochs = history.epochs_of[name]
            value = values[epochs.index(epoch)] if epoch in epochs else None
            numbers: Any = [] if value is None else np.ravel(value)
            cells.append(" ".join(f"{number:.4f}" for number in numbers))
        rows.append(cells)
    return table(["epoch", *history.history], rows)
