"""ModelCheckpoint: saves the model during training."""

import os
import string
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from sora_np.common.arguments import as_count, as_flag, as_number, as_path
from sora_np.common.terminal import printable

from .base import Callback, Logs, foreseen
from .monitor import Monitor


class ModelCheckpoint(Callback):
    """Saves the model, or its weights, during training.

    A file is written completely or not at all, so that the one before it stays valid.
    Before the first step, the callback fills in the file name and writes the model to a
    temporary file, so that errors of saving show before any training.

    Parameters
    ----------
    filepath : the file, with placeholders "{epoch:02d}" (from 1), "{batch:02d}" and
        names in the logs, such as "{val_loss:.2f}"; missing folders are created
    monitor : the name of a number in the logs, for save_best_only
    verbose : 1 to print what is saved
    save_best_only : whether to save only when that number has improved; NaN is no
        improvement.  If it is a val_* number, epochs without validation save nothing
    save_weights_only : whether to write only the weights
    mode : "min", "max", or "auto" for what is better for the metric
    save_freq : "epoch", or an int to save after every so many batches
    initial_value_threshold : the first number must be better than this one

    Raises
    ------
    TypeError, ValueError : if filepath is not a path, is empty, is a folder, or has
        placeholders other than names such as "{epoch}"
    KeyError : at the start of training, if filepath has a name that will not be in the
        logs; the message lists all names
    ValueError : at the start of training, if mode is "auto" and no metric has the name,
        or if filepath formats an array as a number
    OSError : at the start of training, if the file is a folder, or its folder cannot be
        written to

    Warns
    -----
    UserWarning : if the logs lack the number; the model is then saved
    """

    remembers = ("best", "batches", "_epoch")
    adds = ()

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
        as_path(filepath, "filepath")
        self.filepath, self.monitor, self.verbose = str(filepath), monitor, verbose
        self._check_form()
        self.save_best_only = as_flag(save_best_only, "save_best_only")
        self.save_weights_only = as_flag(save_weights_only, "save_weights_only")
        if save_freq != "epoch":
            as_count(save_freq, 'save_freq, if not "epoch",')
        self.save_freq = save_freq
        self.best = initial_value_threshold
        if self.best is not None:
            as_number(self.best, "initial_value_threshold")
        self.batches = 0  # since the last save
        self._epoch = 0
        self._watch = Monitor(monitor, mode)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        if self.save_best_only:
            text = "Can save best model only with {} available"
            self._watch.begin(self, text, by_batch=self.save_freq != "epoch")
        self._try()

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

    def _check_form(self) -> None:
        """Raise ValueError if filepath is a folder or has wrong placeholders."""
        if self.filepath.endswith(("/", os.sep)):
            raise ValueError(
                f"filepath must be the name of a file, got the folder {self.filepath!r}"
            )
        try:
            fields = [name for _, name, *_ in string.Formatter().parse(self.filepath)]
        except ValueError as error:
            raise ValueError(f"filepath {self.filepath!r}: {error}") from None
        if any(name is not None and not name.isidentifier() for name in fields):
            raise ValueError(
                "filepath must have names in braces, such as {epoch:02d} or "
                f"{{val_loss:.2f}}, got {self.filepath!r}"
            )

    def _path(self, numbers: Logs) -> Path:
        """Return the file name with the numbers filled in."""
        try:
            return Path(self.filepath.format(**numbers))
        except KeyError as error:
            raise KeyError(
                f"filepath {self.filepath!r} has the name {error}, which the logs "
                f"lack. They have: {', '.join(numbers)}"
            ) from None
        except (TypeError, ValueError) as error:
            raise ValueError(f"filepath {self.filepath!r}: {error}") from None

    def _try(self) -> None:
        """Raise before training the errors that saving would raise."""
        numbers = self._foreseen()
        if numbers is not None:
            path = self._path(numbers)
            if path.is_dir():
                raise IsADirectoryError(
                    f"filepath must be a file, got the folder {str(path)!r}"
                )
            folder = next(part for part in path.absolute().parents if part.exists())
            if not folder.is_dir():
                raise NotADirectoryError(f"filepath {str(path)!r}: {folder} is a file")
            if not os.access(folder, os.W_OK | os.X_OK):
                raise PermissionError(f"filepath {str(path)!r}: {folder} is read-only")
        with tempfile.TemporaryDirectory() as own:
            self._write(Path(own, "trial" + Path(self.filepath).suffix))

    def _foreseen(self) -> Logs | None:
        """Return example numbers for the names in the logs, or None if not known.

        They are not known if a user's own callback may add names.
        """
        by_batch = self.save_freq != "epoch"
        names = foreseen(self, by_batch)
        if names is None:
            return None
        of_best = self.save_best_only and self.monitor.startswith("val_")
        if self.params["validation_freq"] > 1 and not of_best:
            names = [name for name in names if not name.startswith("val_")]
        arrays = self.model._steps.arrays
        numbers: Logs = {"epoch": 1, **({"batch": 1} if by_batch else {})}
        for name in names:
            is_array = name.removeprefix("val_") in arrays
            numbers[name] = np.full(2, 0.5) if is_array else 0.5
        return numbers

    def _write(self, path: Path) -> None:
        model: Any = self.model
        save = model.save_weights if self.save_weights_only else model.save
        save(path)

    def _save(self, batch: int | None, logs: Logs) -> None:
        numbers = {"epoch": self._epoch + 1} | logs
        if batch is not None:
            numbers["batch"] = batch + 1
        elif self.save_best_only and self._watch.comes_later:
            if self.monitor not in logs:
                return
        path = self._path(numbers)
        if self.save_best_only and not self._is_best(path, logs):
            return
        if not self.save_best_only:
            self._say(f"saving model to {path}")
        path.parent.mkdir(parents=True, exist_ok=True)
        self._write(path)

    def _is_best(self, path: Path, logs: Logs) -> bool:
        value = self._watch.value(logs)
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
