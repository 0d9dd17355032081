"""ModelCheckpoint."""

from pathlib import Path
from typing import Any

from sora_np.terminal import printable
from sora_np.windows import as_count, as_flag, as_number

from .base import Callback, Logs
from .monitor import Monitor


class ModelCheckpoint(Callback):
    """Saves the model, or its weights, as training goes on.

    A file is written whole or not at all, so that the one before it stays valid.

    Parameters
    ----------
    filepath : where to, with "{epoch:02d}" (from 1), "{batch:02d}" and names in the
        logs, such as "{val_loss:.2f}"; folders are made
    monitor : a number's name in the logs, for save_best_only
    verbose : 1 to say what is saved
    save_best_only : whether to save only when that number became better; NaN never is
    save_weights_only : whether to write the weights alone
    mode : "min", "max", or "auto" by the metric
    save_freq : "epoch", or after every so many batches
    initial_value_threshold : what the first must be better than

    Raises
    ------
    KeyError : where filepath names what is not in the logs, with what there is
    ValueError : when training begins, where "auto" finds no metric of that name

    Warns
    -----
    UserWarning : where the number is absent; then the model is saved
    """

    remembers = ("best", "batches", "_epoch")

    def __init__(
        self,
        filepath: str | Path,
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        self.filepath, self.monitor, self.verbose = str(filepath), monitor, verbose
        self.save_best_only = as_flag(save_best_only, "save_best_only")
        self.save_weights_only = as_flag(save_weights_only, "save_weights_only")
        if save_freq != "epoch":
            as_count(save_freq, 'save_freq, if not "epoch",')
        self.save_freq = save_freq
        self.best = initial_value_threshold
        if self.best is not None:
            as_number(self.best, "initial_value_threshold")
        self.batches = 0  # since the last was saved
        self._epoch = 0
        self._watch = Monitor(monitor, mode)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        if self.save_best_only:
            self._watch.begin(self)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            return
        self.batches += 1
        if self.batches >= int(self.save_freq):
            self.batches = 0
            self._save(batch, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            self._save(None, logs or {})

    def _save(self, batch: int | None, logs: Logs) -> None:
        numbers = {"epoch": self._epoch + 1} | logs
        if batch is not None:
            numbers["batch"] = batch + 1
        try:
            path = Path(self.filepath.format(**numbers))
        except KeyError as error:
            raise KeyError(
                f"the file name {self.filepath!r} asks for {error}. There are: "
                f"{', '.join(numbers)}"
            ) from None
        if self.save_best_only and not self._is_best(path, logs):
            return
        if not self.save_best_only:
            self._say(f"saving model to {path}")
        path.parent.mkdir(parents=True, exist_ok=True)
        model: Any = self.model
        save = model.save_weights if self.save_weights_only else model.save
        save(path)

    def _is_best(self, path: Path, logs: Logs) -> bool:
        text = "Can save best model only with {} available"
        value = self._watch.value(logs, text)
        if value is None:
            return True
        best = "None" if self.best is None else f"{self.best:.5f}"
        if not self._watch.is_better(value, self.best):
            self._say(f"{self.monitor} did not improve from {best}")
            return False
        self._say(
            f"{self.monitor} improved from {best} to {value:.5f}, saving model to "
            f"{path}"
        )
        self.best = value
        return True

    def _say(self, text: str) -> None:
        if self.verbose:
            print(printable(f"Epoch {self._epoch + 1}: {text}"))
