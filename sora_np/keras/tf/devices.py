"""What programs ask TensorFlow about devices, sessions and its log.

Models run on the cores of one CPU, at once and without a session.  So lists of other
devices are empty, and what chooses a device, sets up a session or quietens a log is
accepted where it changes no result.  What a session would compute is refused.
"""

import contextlib
import logging
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, NoReturn

from sora_np import utils
from sora_np.common.warn import warn

SAID: set[str] = set()


def no_devices(device_type: str | None = None) -> list[Any]:
    """Return [], for no device is listed: models run on the CPU's cores."""
    return []


def nothing(*args: Any, **options: Any) -> None:
    """Do nothing: the call changes no result here."""


def no(*args: Any, **options: Any) -> bool:
    """Return False."""
    return False


@contextlib.contextmanager
def device(device_name: Any) -> Iterator[None]:
    """Do nothing, and warn once if the device is no CPU: see ``no_devices``.

    >>> with device("/cpu:0"):
    ...     pass
    """
    name = str(device_name)
    if "cpu" not in name.lower() and name not in SAID:
        SAID.add(name)
        warn(f"there is no device {name!r}: models run on the cores of the CPU")
    yield


def get_logger() -> logging.Logger:
    """Return a logger of Python's; sora_np speaks by warnings and progress bars."""
    return logging.getLogger("sora_np")


class Strategy:
    """TensorFlow's tf.distribute strategies, of which one machine is the only replica.

    >>> with Strategy().scope():
    ...     pass
    """

    num_replicas_in_sync = 1

    def __init__(self, devices: Any = None) -> None: ...

    def scope(self) -> Any:
        """Return a context that does nothing."""
        return contextlib.nullcontext()


def no_tpu(*args: Any, **options: Any) -> NoReturn:
    """Raise ValueError, as TensorFlow does on a machine without a TPU."""
    raise ValueError("no TPU was found: models run on the cores of the CPU")


class Options(SimpleNamespace):
    """A ConfigProto: any options of a session, which has none.

    >>> Options().gpu_options.allow_growth = True
    """

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        vars(self)[name] = value = Options()
        return value


class Session:
    """A session that a program hands on or enters; it computes nothing."""

    def __init__(self, *args: Any, **options: Any) -> None: ...

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *error: object) -> None: ...

    def close(self) -> None:
        """Do nothing."""

    as_default = __enter__

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(
            f"Session.{name} is not here: there is no graph to run; model.predict(x) "
            "returns outputs, layer.get_weights() arrays",
            name=name,
        )


QUIET = SimpleNamespace(
    **{name: name for name in ("DEBUG", "INFO", "WARN", "ERROR", "FATAL")},
    set_verbosity=nothing,
    get_verbosity=lambda: "ERROR",
)
CONFIG = {
    "list_physical_devices": no_devices,
    "list_logical_devices": no_devices,
    "get_visible_devices": no_devices,
    "set_visible_devices": nothing,
    "run_functions_eagerly": nothing,
    "set_soft_device_placement": nothing,
}
EXPERIMENTAL = {
    "set_memory_growth": nothing,
    "enable_op_determinism": nothing,  # results never depend on threads
    "set_virtual_device_configuration": nothing,
    "VirtualDeviceConfiguration": Options,
}
STRATEGIES = ("MirroredStrategy", "OneDeviceStrategy", "get_strategy")
OLD = {  # of TensorFlow 1, there and in tf.compat.v1
    "ConfigProto": Options,
    "GPUOptions": Options,
    "Session": Session,
    "InteractiveSession": Session,
    "set_random_seed": utils.set_random_seed,
    "logging": QUIET,
    "reset_default_graph": nothing,
    "global_variables_initializer": nothing,
}
NAMES: dict[str, Any] = OLD | {
    "device": device,
    "get_logger": get_logger,
    "executing_eagerly": lambda: True,
    "enable_eager_execution": nothing,
    "autograph": SimpleNamespace(set_verbosity=nothing),
    "test": SimpleNamespace(
        is_gpu_available=no,
        is_built_with_cuda=no,
        is_built_with_gpu_support=no,
        gpu_device_name=lambda: "",
    ),
    "config": SimpleNamespace(
        **CONFIG,
        experimental=SimpleNamespace(**CONFIG, **EXPERIMENTAL),
        threading=SimpleNamespace(
            set_intra_op_parallelism_threads=nothing,
            set_inter_op_parallelism_threads=nothing,
        ),
    ),
    "distribute": SimpleNamespace(
        **dict.fromkeys(STRATEGIES, Strategy),
        cluster_resolver=SimpleNamespace(TPUClusterResolver=no_tpu),
        experimental=SimpleNamespace(),
    ),
    "compat": SimpleNamespace(
        v1=SimpleNamespace(
            **OLD,
            **dict.fromkeys(
                (
                    *("disable_eager_execution", "enable_eager_execution"),
                    *("disable_v2_behavior", "enable_v2_behavior"),
                ),
                nothing,
            ),
            executing_eagerly=lambda: True,
        )
    ),
}
