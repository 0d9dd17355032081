"""Weights in .safetensors files, which other frameworks read and write.

The file is an 8-byte length, a JSON header (name -> dtype, shape, offsets) and the
numbers.  It has neither a configuration nor a checksum, so a flipped bit in a weight is
not detected.  Names are ``LAYER.NAME``, such as "conv2d.kernel".  Source: the format's
own description, https://github.com/huggingface/safetensors#format.

Needs the extra ``safetensors``.
"""

import io
import json
import os
import struct
from collections.abc import Iterable, Mapping
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from sora_np.common.versions import VERSION

from .archive import as_model_file_errors, open_plain, refuse_existing, unique
from .atomic import replacing
from .members import LIMIT, Wrong

SUFFIX = ".safetensors"
_FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}


def write(
    path: str | os.PathLike[str],
    arrays: Mapping[str, NDArray[Any]],
    overwrite: bool = True,
) -> None:
    """Write "LAYER/NAME" -> array, completely or not at all; see ``archive.write``.

    Raises ImportError without the extra, and FileExistsError if the file exists and
    ``overwrite`` is False.
    """
    safetensors = _library()
    refuse_existing(path, overwrite)
    tensors = {
        _dotted(name): np.asarray(array, array.dtype.newbyteorder("<"), "C")
        for name, array in arrays.items()
    }
    if len(tensors) < len(arrays):
        dotted = [_dotted(name) for name in arrays]
        twice = [name for name in arrays if dotted.count(_dotted(name)) > 1]
        raise ValueError(
            f"{', '.join(twice)[:500]} have the same name with dots: rename one"
        )
    metadata = {"format": "np", "written_by": f"sora_np {VERSION}"}
    content = safetensors.numpy.save(tensors, metadata)
    with replacing(path) as file:
        file.write(content)


def read(
    path: str | os.PathLike[str], known: Iterable[str] = ()
) -> dict[str, NDArray[Any]]:
    """Return "LAYER/NAME" -> array of floats; bfloat16 becomes float32, exactly.

    A layer's name may contain dots and slashes.  So a name in the file is first looked
    up among those of ``known``; otherwise its last dot ends the layer's name.

    Raises
    ------
    ImportError : without the extra
    FileNotFoundError : if there is no file
    ModelFileError : for a damaged file, or one with other numbers than floats
    """
    safetensors = _library()
    with open_plain(path) as file, as_model_file_errors(path):
        _check_header(file)
        file.seek(0)
        content = file.read()
        try:
            found = safetensors.deserialize(content)
        except safetensors.SafetensorError as error:
            raise Wrong(
                f"it is not a .safetensors file, or damaged: {error}"
            ) from error
    arrays, names = {}, {_dotted(name): name for name in known}
    for name, tensor in found:
        with as_model_file_errors(path, name):
            array = _array(tensor)
        arrays[names.get(name) or "/".join(name.rsplit(".", 1))] = array
    return arrays


def _dotted(name: str) -> str:
    return name.replace("/", ".")


def _library() -> Any:
    try:
        import safetensors.numpy
    except ImportError:
        raise ImportError(
            "this needs safetensors: pip install 'sora-np[safetensors]', or "
            "'sora-np[all]'"
        ) from None
    return safetensors


def _check_header(file: BinaryIO) -> None:
    """Raise if the header is too large or has a name twice.

    The library misses both, and a file may declare more than it holds, so this is
    checked before the numbers are read.
    """
    whole = file.seek(0, io.SEEK_END)
    file.seek(0)
    if whole < 8:
        raise Wrong("it is not a .safetensors file, or cut off")
    (size,) = struct.unpack("<Q", file.read(8))
    if size > min(whole - 8, LIMIT):
        raise Wrong(f"it declares a header of {size} bytes, but has {whole} in all")
    json.loads(file.read(size).decode(), object_pairs_hook=unique)


def _array(tensor: Mapping[str, Any]) -> NDArray[Any]:
    if tensor["dtype"] not in _FLOATS:
        kinds = ", ".join(_FLOATS)
        raise Wrong(f"it must hold floats ({kinds}), got {tensor['dtype']}")
    array = np.frombuffer(tensor["data"], _FLOATS[tensor["dtype"]])
    if tensor["dtype"] == "BF16":  # the upper half of a float32
        array = (array.astype(np.uint32) << 16).view(np.float32)
    native = array.dtype.newbyteorder("=")
    return array.astype(native, copy=False).reshape(tensor["shape"])
