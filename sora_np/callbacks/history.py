"""The history that ``fit`` returns; every run has it as a callback."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from sora_np.plots import curves

from .base import Callback, Logs, direction_of


class History(Callback):
    """The numbers of every epoch, which ``fit`` returns.

    Attributes
    ----------
    history : name -> list with a number (or array) per epoch; names are sorted
    epoch : the numbers of the epochs, from 0
    epochs_of : name -> the epochs of its numbers, since not every epoch may validate
    """

    takes_notes = True
    history: dict[str, list[Any]]

    def __init__(self) -> None:
        self.history = {}
        self.epoch: list[int] = []
        self.epochs_of: dict[str, list[int]] = {}

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in sorted((logs or {}).items()):
            self.history.setdefault(name, []).append(value)
            self.epochs_of.setdefault(name, []).append(epoch)

    def get_state(self) -> dict[str, Any]:
        lists = {
            name: [np.asarray(value).tolist() for value in values]
            for name, values in self.history.items()
        }
        return {"history": lists, "epoch": self.epoch, "epochs_of": self.epochs_of}

    def set_state(self, state: Mapping[str, Any]) -> None:
        self.history = {
            name: [np.array(v) if isinstance(v, list) else v for v in values]
            for name, values in state["history"].items()
        }
        self.epoch = list(state["epoch"])
        self.epochs_of = {k: list(v) for k, v in state["epochs_of"].items()}

    def direction(self, name: str) -> str | None:
        """Return "max" or "min", whichever is better for this number, or None."""
        return direction_of(name, getattr(self, "model", None))

    def plot(self) -> Any:
        """Return a figure of loss and metrics by epoch, with the best epoch marked.

        Solid lines are validation, dashed lines training.  The best epoch is that of
        validation, or of training if there is no validation.

        Returns
        -------
        matplotlib.figure.Figure : ``figure.savefig("curves.png")`` writes it

        Raises
        ------
        ImportError : without matplotlib, the extra ``plot``
        ValueError : before the first epoch

        Examples
        --------
        >>> history = History()
        >>> for epoch, loss in enumerate([0.5, 0.2, 0.3]):
        ...     history.on_epoch_end(epoch, {"loss": loss})
        >>> [ax.get_title() for ax in history.plot().axes]
        ['loss: best 0.2 in epoch 2']
        """
        return curves.plot_history(self)

    def _repr_html_(self) -> str:
        return curves.history_html(self)

    def __repr__(self) -> str:
        count = f"{len(self.epoch)} epoch{'s' * (len(self.epoch) != 1)}"
        return f"<History of {count}: {', '.join(self.history)}>"
