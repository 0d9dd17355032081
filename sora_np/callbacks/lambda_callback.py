"""LambdaCallback: a callback made of functions."""

from collections.abc import Callable
from typing import Any, TypeAlias

from .base import Callback

Function: TypeAlias = Callable[..., Any] | None


class LambdaCallback(Callback):
    """Calls functions at the events of their names, with the same arguments.

    Examples
    --------
    >>> from sora_np import Dense, Sequential
    >>> model = Sequential([Dense(1, input_shape=(2,))])
    >>> model.compile("sgd", "mse")
    >>> tell = LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, [*logs]))
    >>> history = model.fit([[1, 2]], [3], epochs=2, callbacks=tell, verbose=0)
    0 ['loss']
    1 ['loss']
    """

    def __init__(
        self,
        on_epoch_begin: Function = None,
        on_epoch_end: Function = None,
        on_train_begin: Function = None,
        on_train_end: Function = None,
        on_train_batch_begin: Function = None,
        on_train_batch_end: Function = None,
        *,
        on_test_begin: Function = None,
        on_test_end: Function = None,
        on_test_batch_begin: Function = None,
        on_test_batch_end: Function = None,
    ) -> None:
        given = {name: f for name, f in locals().items() if name.startswith("on_")}
        for name, function in given.items():
            if function is None:
                continue
            if not callable(function):
                raise TypeError(f"{name} must be a function, got {function!r}")
            setattr(self, name, function)
