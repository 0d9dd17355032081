"""BackupAndRestore: checkpoints from which ``fit`` continues after a crash."""

import copy
import re
import traceback
from pathlib import Path
from typing import Any

from sora_np.batches.streams import SourceEnded
from sora_np.common.arguments import as_count, as_flag, as_path
from sora_np.common.terminal import printable, shortened
from sora_np.common.warn import warn
from sora_np.saving import checkpoint
from sora_np.saving.archive import ModelFileError, as_model_file_errors
from sora_np.saving.lock import Lock

from .base import Callback, Logs, Run

NAME = re.compile(r"epoch\d+-batch\d+\.npz")


class BackupAndRestore(Callback):
    """Lets ``fit`` continue where it was, whenever the process was killed.

    Run the same script again: training ends with exactly the same weights, optimiser
    state and history as if it had not been interrupted, even in the middle of an epoch.
    A checkpoint is one file, written completely or not at all.  It has everything that
    training depends on: weights and moving statistics, the optimiser's state, every
    random stream, the order of the samples and the position in it, sums of the loss and
    metrics, the state of callbacks (``get_state``), and the history.

    It cannot save state that other objects hide.  A Sequence-style object that changes
    its batches needs ``get_state`` and ``set_state``, as callbacks have them.  An
    iterable starts again, and the batches that were used are dropped.  A generator is
    run from its first batch, with a warning.  Training continues exactly only if they
    yield the same batches again.

    Parameters
    ----------
    backup_dir : a folder only for this run; created if it is missing, removed when it
        is empty
    save_freq : "epoch", or an int to save after every so many batches; Ctrl-C saves,
        too
    delete_checkpoint : whether to remove the checkpoints at the end of training
    keep : how many checkpoints to keep, the last ones; damaged ones are skipped

    Raises
    ------
    TypeError, ValueError : if backup_dir is not a path, or is empty
    RuntimeError : at the start of training, if another run uses the folder
    ValueError : at the start of training, for a checkpoint of another model, optimiser,
        loss, metrics, data or callbacks; the message lists all differences

    Warns
    -----
    UserWarning : for a damaged checkpoint, and for a generator

    Examples
    --------
    >>> import tempfile
    >>> from sora_np import Dense, Sequential
    >>> from sora_np.callbacks import LambdaCallback
    >>> folder = tempfile.mkdtemp()
    >>> def run(*others):
    ...     model = Sequential([Dense(1, input_shape=(2,))])
    ...     model.compile("sgd", "mse")
    ...     callbacks = [*others, BackupAndRestore(folder)]
    ...     return model.fit([[1, 2]], [3], epochs=4, callbacks=callbacks, verbose=0)
    >>> def power_cut(epoch, logs):
    ...     if epoch == 2:
    ...         raise OSError("no power")
    >>> run(LambdaCallback(on_epoch_end=power_cut))
    Traceback (most recent call last):
        ...
    OSError: no power
    >>> history = run(LambdaCallback(on_epoch_begin=lambda epoch, _: print(epoch)))
    2
    3
    >>> history.epoch
    [0, 1, 2, 3]
    """

    comes_last = True

    def __init__(
        self,
        backup_dir: str | Path,
        save_freq: str | int = "epoch",
        *,
        delete_checkpoint: bool = True,
        keep: int = 2,
    ) -> None:
        self.backup_dir = as_path(backup_dir, "backup_dir")
        if save_freq != "epoch":
            as_count(save_freq, 'save_freq, if not "epoch",')
        self.save_freq = save_freq
        self.delete_checkpoint = as_flag(delete_checkpoint, "delete_checkpoint")
        self.keep = as_count(keep, "keep")
        self._lock = Lock(self.backup_dir / "lock")
        self._batches = 0  # since the last checkpoint

    def set_fit(self, fit: Run) -> None:
        """Set the run whose state is saved, before training begins."""
        self._fit = fit

    def checkpoints(self) -> list[Path]:
        """Return the checkpoints in the folder, the last one first."""
        files = self.backup_dir.glob("epoch*-batch*.npz")
        named = (p for p in files if NAME.fullmatch(p.name) and p.is_file())
        return sorted(named, key=_place, reverse=True)

    def delete(self) -> None:
        """Remove the checkpoints, and the folder if nothing else is in it."""
        for path in self.checkpoints():
            path.unlink()
        try:
            self.backup_dir.rmdir()
        except OSError:  # not empty
            pass

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.backup_dir.mkdir(parents=True, exist_ok=True)
        if not self._lock.acquire():
            raise RuntimeError(
                f"another run is using {self.backup_dir}: wait until it ends, or give "
                "this run another backup_dir"
            )
        for part in self.backup_dir.glob(".epoch*.part"):  # from a killed save
            part.unlink()
        self._about, self._batches = self._fit.about(), 0
        if not self._restored():
            self._save()  # a run killed at once restarts from the same state

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self._batches += 1
        due = self.save_freq != "epoch" and self._batches >= int(self.save_freq)
        # if a callback stops training, the epoch ends right after this batch
        if (due or self._fit.interrupted) and not self.model.stop_training:
            self._batches = 0
            self._save()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch" or self._fit.interrupted:
            self._save()

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.delete_checkpoint and not self._fit.interrupted:
            for path in self.checkpoints():
                path.unlink()

    def close(self) -> None:
        del self._fit  # it holds the data
        if self._lock.release() and not self.checkpoints():
            self.delete()

    def _save(self) -> None:
        """Write a checkpoint; remove the oldest ones and those of later positions."""
        fit = self._fit
        path = self.backup_dir / f"epoch{fit.epoch:04d}-batch{fit.batch:06d}.npz"
        checkpoint.write(path, self._about, fit.get_state())
        older = [other for other in self.checkpoints() if _place(other) < _place(path)]
        for other in {*self.checkpoints()} - {path, *older[: self.keep - 1]}:
            other.unlink()

    def _restored(self) -> bool:
        """Continue from the last undamaged checkpoint; return whether there is one."""
        before = None
        for path in self.checkpoints():
            try:
                about, state = checkpoint.read(path)
                with as_model_file_errors(path):
                    differing = checkpoint.differences(about, self._about)
                    differing = differing or self._fit.misfits(state)
                    if not differing:
                        self._fit.check(state)
                if not differing:
                    before = before or copy.deepcopy(self._fit.get_state())
                    self._take(path, state)
            except ModelFileError as error:
                if before is not None:
                    self._fit.set_state(before)
                warn(f"{error}. This checkpoint is skipped")
                continue
            if differing:
                raise ValueError(
                    f"{path} is a checkpoint of another run: continue that run, or "
                    "choose another folder. The differences:\n  "
                    + shortened("\n  ".join(differing))
                )
            if self.params["verbose"]:
                where = f"epoch {self._fit.epoch + 1}, batch {self._fit.batch + 1}"
                print(printable(f"Continuing from {path}: {where}"), flush=True)
            return True
        return False

    def _take(self, path: Path, state: Any) -> None:
        """Set the state of the run, or raise ModelFileError if the state is damaged.

        Errors of the user's own callbacks and data are raised unchanged.
        """
        try:
            self._fit.set_state(state)
        except SourceEnded:
            raise
        except Exception as error:
            frames = traceback.walk_tb(error.__traceback__)
            modules = [frame.f_globals.get("__name__", "") for frame, _ in frames]
            if {name.split(".")[0] for name in modules} <= {"sora_np", "numpy"}:
                raise ModelFileError(
                    path, f"its state is damaged: {error!r}"
                ) from error
            raise


def _place(path: Path) -> tuple[int, ...]:
    """Return the epoch and batch in a checkpoint's name."""
    return tuple(map(int, re.findall(r"\d+", path.name)))
