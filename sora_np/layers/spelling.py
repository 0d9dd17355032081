"""Arguments of Keras's layers that have another name here, or need no action.

``Layer`` lets every layer of this package take them by keyword:

===========================  =======================================================
input_dim=K                  input_shape=(K,); with input_length=L it is (L, K)
input_shape=K                input_shape=(K,)
batch_input_shape=(N, ...)   input_shape=(...), as N may vary; also batch_shape
data_format=                 "channels_last" or "channels_first", for layers that have
                             it in Keras, see ``channels_first.py``
dtype=                       None or "float32": the dtype is an argument of the model
activity_regularizer=        a penalty on the layer's outputs, see ``activity.py``
===========================  =======================================================

Arguments by position are in Keras's order, too, up to the constraints:
``Conv2D(8, 3, 1, "same", "channels_last", (2, 2), 1, "relu")``.

Any other value raises an error.  If a layer itself has an argument of one of these
names, such as ``input_dim``, it keeps its own meaning.
"""

import functools
import re
from collections.abc import Callable
from typing import Any

from .activity import penalise
from .channels_first import put_channels_first

WITH_DATA_FORMAT = re.compile(
    r"(Separable|Depthwise)?Conv|(Global)?(Max|Average)Pool|Adaptive|Cropping[23]D"
    r"|Flatten|UpSampling[23]D|ZeroPadding|SpatialDropout[23]D|CenterCrop|Resizing"
    r"|Random(?!Brightness|Contrast|Apply|Choice)"
)
LAST_ALONE = re.compile("Random")
ALIKE = {
    *("input_dim", "input_length", "batch_input_shape", "batch_shape", "input_shape"),
    *("data_format", "dtype", "activity_regularizer"),
}


def understood(function: Any) -> Callable[..., None]:
    """Return an ``__init__`` of a layer that also takes these arguments."""
    code = function.__code__  # inspect.signature costs 30 us for each class
    positions = code.co_argcount - 1
    own = {*code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]}
    later = code.co_varnames[code.co_argcount :][: code.co_kwonlyargcount]

    @functools.wraps(function)
    def init(self: Any, *args: Any, **given: Any) -> None:
        if len(args) > positions or any(map(_is_format, args)):
            args, given = _placed(self, args, given, positions, later)
        penalty = data_format = None
        if not ALIKE.isdisjoint(given):
            given = _as_here(self, own, given)
            if WITH_DATA_FORMAT.match(type(self).__name__):
                data_format = given.pop("data_format", None)
            if "activity_regularizer" not in own:
                penalty = given.pop("activity_regularizer", None)
        function(self, *args, **given)
        if data_format == "channels_first":
            put_channels_first(self)
        if penalty is not None:
            penalise(self, penalty)

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
    """Return args and given; arguments beyond ``positions`` become keyword arguments.

    Parameters
    ----------
    args : in Keras's order, with data_format where Keras has it
    positions : how many arguments the layer takes by position, without data_format
    later : names of the arguments that the layer takes only by keyword
    """
    whose = type(layer).__name__
    if WITH_DATA_FORMAT.match(whose):
        formats = [k for k, one in enumerate(args) if _is_format(one)]
        if not formats and len(args) > positions and args[positions] is None:
            formats = [positions]
        if formats:
            given = given | {"data_format": args[formats[0]]}
            args = args[: formats[0]] + args[formats[0] + 1 :]
    rest = args[positions:]
    names = [name for name in later if name not in ("input_shape", "name", "trainable")]
    names = [name for name in names if not name.endswith("constraint")]
    if len(rest) > len(names) or not given.keys().isdisjoint(names[: len(rest)]):
        return args, given  # Python itself raises a TypeError for these
    return args[:positions], given | dict(zip(names, rest, strict=False))


def _as_here(layer: Any, own: set[str], given: dict[str, Any]) -> dict[str, Any]:
    """Return ``given`` with Keras's arguments translated; ``own`` are the layer's."""
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
    if shape is not None:  # InputLayer calls this argument "shape"
        found["shape" if "shape" in own else "input_shape"] = shape
    if WITH_DATA_FORMAT.match(whose) and "data_format" in rest:
        _check_data_format(whose, rest["data_format"])
    if (dtype := rest.pop("dtype", None)) not in (None, "float32"):
        if getattr(dtype, "__name__", "") != "float32":
            raise ValueError(
                f"{whose}(dtype={dtype!r}): a layer cannot have its own dtype: give "
                'the dtype to the model, as in Sequential(..., dtype="float64")'
            )
    return found | rest


def _without_batch(whole: Any, name: str) -> tuple[Any, ...]:
    if not isinstance(whole, (list, tuple)) or not whole:
        raise TypeError(
            f"{name} must be a tuple such as (None, 28, 28, 1), got {whole!r}"
        )
    return tuple(whole[1:])


def _check_data_format(whose: str, value: Any) -> None:
    if value not in (None, "channels_last", "channels_first"):
        raise ValueError(
            f'{whose}: data_format must be "channels_last" or "channels_first", got '
            f"{value!r}"
        )
    if value == "channels_first" and LAST_ALONE.match(whose):
        raise ValueError(
            f'{whose}: data_format must be "channels_last", got {value!r}: this layer '
            "takes images (N, H, W, C). Put Permute((2, 3, 1)) before it, and "
            "Permute((3, 1, 2)) behind it"
        )
