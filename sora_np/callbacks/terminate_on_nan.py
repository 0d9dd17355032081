"""TerminateOnNaN: ends training when the loss is not finite."""

import math

from .base import Callback, Logs


class TerminateOnNaN(Callback):
    """Ends ``fit`` after a batch whose loss is NaN or infinite.

    Parameters
    ----------
    raise_error : whether to raise RuntimeError instead, so that no callback's
        ``on_train_end`` is called
    """

    adds = ()

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        loss = (logs or {}).get("loss", 0.0)
        if math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(f"the loss is {loss} in batch {batch}")
        print(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True
