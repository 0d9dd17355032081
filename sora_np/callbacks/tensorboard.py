"""TensorBoard: writes losses and metrics for the program tensorboard."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from sora_np.common.arguments import as_count, as_flag, as_path
from sora_np.common.warn import warn

from .base import Callback, Logs


class TensorBoard(Callback):
    """Writes losses and metrics for ``tensorboard --logdir logs``.

    Folders and names are those of Keras.  ``train`` and ``validation`` each get
    "epoch_loss", "epoch_accuracy" and so on, one number per epoch.  ``train`` also gets
    "epoch_learning_rate", and ``validation`` gets "evaluation_loss_vs_iterations" and
    so on for every evaluation.  Metrics whose value is an array are left out.

    Source: Keras's ``keras.callbacks.TensorBoard``.

    Parameters
    ----------
    log_dir : the folder; created if it is missing.  Runs in different folders below one
        folder are shown side by side
    histogram_freq : write a histogram of each weight after every so many epochs; 0 for
        never
    write_steps_per_second : whether to write steps per second for every epoch
    update_freq : "epoch"; "batch" or an int k to write "batch_loss" and so on, too, for
        every, or every k-th, training batch
    write_graph : ignored; ``model.summary()`` shows the layers
    write_images, profile_batch, embeddings_freq, embeddings_metadata : not supported;
        a warning says so if one is set

    Raises
    ------
    ImportError : without the package tensorboard, the extra ``tensorboard``
    TypeError, ValueError : for a log_dir that is not a path, or a frequency that is not
        a whole number

    Examples
    --------
    ``model.fit(x, y, callbacks=[TensorBoard("logs/first")])``
    """

    adds = ()
    remembers = ("train_batch",)

    def __init__(
        self,
        log_dir: str | Path = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        profile_batch: Any = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ) -> None:
        self._writers: dict[str, Any] = {}
        self.log_dir = as_path(log_dir, "log_dir")
        self.histogram_freq = as_count(histogram_freq, "histogram_freq", 0)
        self.write_steps_per_second = as_flag(
            write_steps_per_second, "write_steps_per_second"
        )
        self.update_freq = update_freq
        if update_freq != "epoch":
            every = 1 if update_freq == "batch" else update_freq
            self.update_freq = as_count(every, "update_freq")
        asked = {
            "write_images": write_images,
            "profile_batch": profile_batch,
            "embeddings_freq": embeddings_freq,
        }
        if named := [name for name, value in asked.items() if value]:
            warn(f"TensorBoard ignores {', '.join(named)}: sora_np does not support it")
        self.train_batch = 0  # counted over all epochs, as in Keras
        self._begin = 0.0, 0
        _events()

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.train_batch = 0
        _ = self._writer("train")  # fails before training if it cannot be written

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._begin = time.perf_counter(), self.train_batch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        self.train_batch += 1
        if self.update_freq == "epoch" or self.train_batch % int(self.update_freq):
            return
        for name, value in (logs or {}).items():
            self._scalar("train", f"batch_{name}", value, self.train_batch)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        for name, value in (logs or {}).items():
            where = "validation" if name.startswith("val_") else "train"
            self._scalar(where, f"epoch_{name.removeprefix('val_')}", value, epoch)
        rate = self.model.optimizer.learning_rate
        self._scalar("train", "epoch_learning_rate", rate, epoch)
        if self.write_steps_per_second:
            start, before = self._begin
            speed = (self.train_batch - before) / (time.perf_counter() - start)
            self._scalar("train", "epoch_steps_per_second", speed, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._histograms(epoch)
        for writer in self._writers.values():
            writer.flush()

    def on_test_end(self, logs: Logs | None = None) -> None:
        step = self.model.optimizer.iterations
        for name, value in (logs or {}).items():
            tag = f"evaluation_{name}_vs_iterations"
            self._scalar("validation", tag, value, step)
        if self.model._running is None:  # ``evaluate`` was called, and ends here
            self.close()

    def close(self) -> None:
        """Write the remaining events, and close the files."""
        while self._writers:
            self._writers.popitem()[1].close()

    def _writer(self, folder: str) -> Any:
        if folder not in self._writers:
            place = self.log_dir / folder
            place.mkdir(parents=True, exist_ok=True)
            self._writers[folder] = _events()[0](str(place))
        return self._writers[folder]

    def _scalar(self, folder: str, tag: str, value: Any, step: int) -> None:
        if np.ndim(value) == 0:
            summary = _events()[2](tag, float(value))
            self._add(folder, summary, step)

    def _histograms(self, epoch: int) -> None:
        for layer in self.model.layers:
            for weight in layer.weights:
                path = f"{layer.name}/{weight.path.removeprefix(f'{layer.name}/')}"
                summary = _events()[3](f"{path}/histogram", np.array(weight))
                self._add("train", summary, epoch)

    def _add(self, folder: str, summary: Any, step: int) -> None:
        event = _events()[1](wall_time=time.time(), step=step, summary=summary)
        self._writer(folder).add_event(event)


def _events() -> tuple[Any, Any, Any, Any]:
    """Return tensorboard's writer and event, and its functions for summaries.

    Raises ImportError, which names the extra, if tensorboard is not installed.
    """
    try:
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.plugins.histogram.summary_v2 import histogram_pb
        from tensorboard.plugins.scalar.summary_v2 import scalar_pb
        from tensorboard.summary.writer.event_file_writer import EventFileWriter
    except ImportError:
        raise ImportError(
            'TensorBoard needs tensorboard: pip install "sora-np[tensorboard]"'
        ) from None
    return EventFileWriter, Event, scalar_pb, histogram_pb
