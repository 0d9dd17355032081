"""Arguments of Keras's layers that mean another one here, or what is so anyway.

``Layer`` lets every layer of this package take them, in one place, by keyword:

===========================  =======================================================
input_dim=K                  input_shape=(K,); with input_length=L it is (L, K)
input_shape=K                input_shape=(K,)
batch_input_shape=(N, ...)   input_shape=(...), as a batch has any size; batch_shape too
data_format=                 None or "channels_last", of layers that have it in Keras
dtype=                       None or "float32": the dtype is an argument of the model
activity_regularizer=None    nothing, where a layer takes none
===========================  =======================================================

Positions are Keras's, too: ``Conv2D(8, 3, 1, "same", "channels_last", (2, 2), 1,
"relu")``, down to what comes before the constraints.

Any other value is one error.  What a layer has as an argument of its own, such as an
``input_dim``, stays that.
"""

import functools
import re
from collections.abc import Callable
from typing import Any

WITH_DATA_FORMAT = re.compile(
    r"(Separable|Depthwise)?Conv|(Global)?(Max|Average)Pool|Adaptive|Cropping[23]D"
    r"|Flatten|UpSampling[23]D|ZeroPadding|SpatialDropout[23]D|CenterCrop|Resizing"
    r"|Random(?!Brightness|Contrast|Apply|Choice)"
)
ALIKE = {
    *("input_dim", "input_length", "batch_input_shape", "batch_shape", "input_shape"),
    *("data_format", "dtype", "activity_regularizer"),
}


def understood(function: Any) -> Callable[..., None]:
    """Return an ``__init__`` of a layer that takes these arguments, too."""
    code = function.__code__  # inspect.signature costs 30 us, for each layer there is
    positions = code.co_argcount - 1
    own = {*code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]}
    later = code.co_varnames[code.co_argcount :][: code.co_kwonlyargcount]

    @functools.wraps(function)
    def init(self: Any, *args: Any, **given: Any) -> None:
        if len(args) > positions or any(map(_is_format, args)):
            args, given = _placed(self, args, given, positions, later)
        if not ALIKE.isdisjoint(given):
            given = _as_here(self, own, given)
        function(self, *args, **given)

    return init


def _is_format(value: Any) -> bool:
    return type(value) is str and value in ("channels_last", "channels_first")


def _placed(
    layer: Any,
    args: tuple[Any, ...],
    given: dict[str, Any],
    positions: int,
    later: tuple[str, ...],
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return arguments in Keras's order, which has data_format among them, as named.

    Parameters
    ----------
    positions : how many the layer takes by position, without data_format
    later : the names of those that it takes by name alone
    """
    whose = type(layer).__name__
    if WITH_DATA_FORMAT.match(whose):
        formats = [k for k, one in enumerate(args) if _is_format(one)]
        if not formats and len(args) > positions and args[positions] is None:
            formats = [positions]
        if formats:
            _check_data_format(whose, args[formats[0]])
            args = args[: formats[0]] + args[formats[0] + 1 :]
    rest = args[positions:]
    names = [name for name in later if name not in ("input_shape", "name", "trainable")]
    names = [name for name in names if not name.endswith("constraint")]
    if len(rest) > len(names) or not given.keys().isdisjoint(names[: len(rest)]):
        return args, given  # which Python itself refuses
    return args[:positions], given | dict(zip(names, rest, strict=False))


def _as_here(layer: Any, own: set[str], given: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments as a layer with its ``own`` ones takes them."""
    whose = type(layer).__name__
    found = {k: v for k, v in given.items() if k not in ALIKE or k in own}
    rest = {k: v for k, v in given.items() if k not in found}
    shape = found.pop("input_shape", rest.pop("input_shape", None))
    if isinstance(shape, int) and not isinstance(shape, bool):
        shape = (shape,)
    for name in ("batch_input_shape", "batch_shape"):
        if (whole := rest.pop(name, None)) is not None:
            shape = _without_batch(whole, name)
    length, size = rest.pop("input_length", None), rest.pop("input_dim", None)
    if length is not None or size is not None:
        shape = tuple(n for n in (length, size) if n is not None)
    if shape is not None:  # an InputLayer has it as its shape
        found["shape" if "shape" in own else "input_shape"] = shape
    if WITH_DATA_FORMAT.match(whose) and "data_format" in rest:
        _check_data_format(whose, rest.pop("data_format"))
    if (dtype := rest.pop("dtype", None)) not in (None, "float32"):
        if getattr(dtype, "__name__", "") != "float32":
            raise ValueError(
                f"{whose}(dtype={dtype!r}): the dtype is an argument of the model, as "
                'in Sequential(..., dtype="float64"), and that of all its layers'
            )
    if rest.get("activity_regularizer", 0) is None:
        del rest["activity_regularizer"]
    elif "activity_regularizer" in rest:
        raise TypeError(
            f"{whose} takes no activity_regularizer: put a layer "
            "ActivityRegularization(l1, l2) behind it"
        )
    return found | rest


def _without_batch(whole: Any, name: str) -> tuple[Any, ...]:
    if not isinstance(whole, (list, tuple)) or not whole:
        raise TypeError(
            f"{name} must be a tuple such as (None, 28, 28, 1), got {whole!r}"
        )
    return tuple(whole[1:])


def _check_data_format(whose: str, value: Any) -> None:
    if value not in (None, "channels_last"):
        raise ValueError(
            f'{whose}: data_format must be "channels_last", got {value!r}: images are '
            "(N, H, W, C) here; np.moveaxis(x, 1, -1) makes them so of (N, C, H, W), "
            "and so input_shape=(C, H, W) becomes (H, W, C)"
        )
