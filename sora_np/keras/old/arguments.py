"""Old names of arguments.

An old argument is read as the new one if a class, or a method, has the new one and not
the old one.
"""

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sora_np import layers
from sora_np.common.warn import warn
from sora_np.layers.contract import is_ours
from sora_np.layers.initial_weights import start_from
from sora_np.optimizers.schedules import InverseTimeDecay

NOTHING = {
    *("workers", "use_multiprocessing", "max_queue_size", "max_q_size", "pickle_safe"),
    *("nb_worker", "show_accuracy", "schedule_decay", "mode", "write_grads"),
    *("save_format", "embeddings_layer_names", "embeddings_data"),
    "sample_weight_mode",
}
ONLY = {"schedule_decay": 0.004, "mode": 0, "sample_weight_mode": None}  # or refused
ARGUMENTS: dict[str, tuple[str, ...]] = {  # old -> new, the first that there is
    "lr": ("learning_rate",),
    "nb_epoch": ("epochs",),
    "nb_filter": ("filters",),
    "filter_length": ("kernel_size",),
    "pool_length": ("pool_size",),
    "border_mode": ("padding",),
    **dict.fromkeys(("subsample", "subsample_length", "stride"), ("strides",)),
    "depth_mult": ("depth_multiplier",),
    "output_dim": ("units",),
    "p": ("rate",),
    "sigma": ("stddev",),
    "bias": ("use_bias",),
    "concat_axis": ("axis",),
    "init": ("kernel_initializer", "embeddings_initializer"),
    "inner_init": ("recurrent_initializer",),
    "inner_activation": ("recurrent_activation",),
    "W_regularizer": ("kernel_regularizer", "embeddings_regularizer"),
    "U_regularizer": ("recurrent_regularizer",),
    "b_regularizer": ("bias_regularizer",),
    "W_constraint": ("kernel_constraint", "embeddings_constraint"),
    "b_constraint": ("bias_constraint",),
    "dropout_W": ("dropout",),
    "dropout_U": ("recurrent_dropout",),
    "l": ("l1", "l2"),
    "epsilon": ("min_delta",),
    "input": ("inputs",),
    "output": ("outputs",),
    **dict.fromkeys(("dim_ordering", "decay", "nb_row", "nb_col", *NOTHING), ()),
    **dict.fromkeys(("batch_size", "weights", "sample_weight_mode"), ()),
}
KERAS_1 = {  # arguments that Keras 2 renamed
    *("border_mode", "subsample", "dim_ordering", "bias", "init"),
    *("W_regularizer", "b_regularizer", "W_constraint", "b_constraint"),
}
ORDERINGS = {"tf": "channels_last", "th": "channels_first"}
SAID: set[str] = set()


def tell(old: str, new: str) -> None:
    """Warn, once for each old name, that there is a new one."""
    if old not in SAID:
        SAID.add(old)
        warn(f"{old} is an old name of Keras's: {new}", DeprecationWarning)


# --- arguments ------------------------------------------------------------------


def renamed(where: str, own: Iterable[str], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments by their new names, for a function that has its ``own`` ones."""
    found = {name: value for name, value in given.items() if name in own}
    for old, value in given.items():
        if old in own or old not in ARGUMENTS:
            found[old] = value
            continue
        new = next((name for name in ARGUMENTS[old] if name in own), None)
        if new is not None and new not in given:
            tell(f"{where}({old}=)", f"write {new}=")
            found[new] = value
        elif old in NOTHING and value == ONLY.get(old, value):
            tell(f"{where}({old}=)", "it does nothing, leave it out")
        elif old == "batch_size" and "log_dir" in own:
            tell(f"{where}({old}=)", "it does nothing, leave it out")
        elif old == "weights":
            tell(f"{where}(weights=)", "call layer.set_weights(weights) in a model")
            found[old] = value
        elif old == "dim_ordering":
            tell(f"{where}({old}=)", 'write data_format="channels_last" or "..._first"')
            if value != "default":
                found["data_format"] = ORDERINGS.get(value, value)
        else:
            found[old] = value
    if {"nb_row", "nb_col"} <= found.keys() and "kernel_size" in own:
        tell(f"{where}(nb_row=, nb_col=)", "write kernel_size=(rows, columns)")
        found["kernel_size"] = found.pop("nb_row"), found.pop("nb_col")
    if "learning_rate" in own and found.get("epsilon", 0) is None:  # the usual one
        del found["epsilon"]
    if "decay" in found and "learning_rate" in own:
        _decay(where, own, found)
    return found


def _decay(where: str, own: Any, found: dict[str, Any]) -> None:
    """Give ``decay`` its old meaning: learning_rate / (1 + decay * steps)."""
    decay = float(found.pop("decay") or 0)
    tell(
        f"{where}(decay=)",
        "write learning_rate=schedules.InverseTimeDecay(learning_rate, 1, decay)",
    )
    if decay:
        usual = own["learning_rate"].default if isinstance(own, Mapping) else 0.01
        rate = found.get("learning_rate", usual)
        schedule = InverseTimeDecay(rate, 1, decay)
        schedule.settable = "initial_learning_rate"  # as ``lr`` was in Keras 2
        found["learning_rate"] = schedule


def _with_rows_and_columns(args: tuple[Any, ...], given: Any) -> tuple[Any, ...]:
    """Return (layer, filters, (rows, columns)) for Keras 1's arguments of a Conv2D.

    An old argument by name tells them from Keras 3's (filters, size, strides).
    """
    sizes = args[2:4]
    whole = len(sizes) == 2 and all(isinstance(size, int) for size in sizes)
    if not whole or KERAS_1.isdisjoint(given) or not isinstance(args[0], layers.Conv2D):
        return args
    tell("Conv2D(filters, rows, columns)", "write Conv2D(filters, (rows, columns))")
    return *args[:2], sizes, *args[4:]


def _with_metrics(args: tuple[Any, ...], given: dict[str, Any]) -> tuple[Any, ...]:
    """Return arguments of ``compile``, of which Keras 2's third are the metrics.

    In Keras 3 they are the weights of the losses, which are numbers.
    """
    third = args[3] if len(args) > 3 else None
    if not isinstance(third, (list, tuple)) or not third or "metrics" in given:
        return args
    if all(isinstance(one, (int, float)) for one in third):
        return args
    tell("compile(optimizer, loss, metrics)", "write metrics=")
    given["metrics"] = third
    return args[:3]


def understanding(function: Callable[..., Any], where: str = "") -> Callable[..., Any]:
    """Return a function that accepts old arguments, too."""
    own = inspect.signature(function).parameters
    of_class = function.__name__ == "__init__"

    @functools.wraps(function)
    def understood(*args: Any, **given: Any) -> Any:
        if not ARGUMENTS.keys().isdisjoint(given):
            args = _with_rows_and_columns(args, given)
            name = type(args[0]).__name__ if of_class else function.__name__
            given = renamed(name, own, given)
        if function.__name__ == "compile":
            args = _with_metrics(args, given)
        of_layer = of_class and isinstance(args[0], layers.Layer)
        known = of_layer and is_ours(type(args[0]))
        weights = given.pop("weights", None) if known else None
        if (
            of_class
            and len(args) == 1
            and "pool_size" in own
            and "pool_size" not in given
        ):
            given["pool_size"] = 2  # Keras 2's default, which Keras 3's averages lack
        result = function(*args, **given)
        if weights is not None:
            start_from(args[0], weights)
        return result

    vars(understood)["is_understanding"] = True
    return understood


def teach(owner: type, name: str) -> None:
    """Make a method of a class, or of its parents here, accept old arguments."""
    for cls in owner.__mro__:
        function = vars(cls).get(name)
        if cls.__module__.startswith("sora_np.") and function is not None:
            if not hasattr(function, "is_understanding"):
                setattr(cls, name, understanding(function))
