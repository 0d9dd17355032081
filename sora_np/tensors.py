"""Weights in .safetensors files, which other frameworks read and write.

The file is an 8-byte length, a JSON header (name -> dtype, shape, offsets) and the
numbers.  It holds neither configuration nor checksum: a flipped bit of a weight is not
noticed there.  Names are ``LAYER.NAME``, as "conv2d.kernel".  Source: the format's own
description, https://github.com/huggingface/safetensors#format.

Needs the extra ``safetensors``.
"""

import json
import os
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sora_np.archive import VERSION, as_model_file_errors, refuse_existing, unique
from sora_np.atomic import replacing
from sora_np.members import LIMIT, Wrong

SUFFIX = ".safetensors"
_FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}


def write(
    path: str | os.PathLike[str],
    arrays: Mapping[str, NDArray[Any]],
    overwrite: bool = True,
) -> None:
    """Write "LAYER/NAME" -> array, whole or not at all; see ``archive.write``.

    Raises ImportError without the extra, FileExistsError where there is a file and
    ``overwrite`` is False.
    """
    safetensors = _library()
    refuse_existing(path, overwrite)
    tensors = {
        name.replace("/", "."): np.asarray(array, array.dtype.newbyteorder("<"), "C")
        for name, array in arrays.items()
    }
    if len(tensors) < len(arrays):
        raise ValueError(f"two of {', '.join(arrays)} have one name with dots")
    metadata = {"format": "np", "written_by": f"sora_np {VERSION}"}
    content = safetensors.numpy.save(tensors, metadata)
    with replacing(path) as file:
        file.write(content)


def read(path: str | os.PathLike[str]) -> dict[str, NDArray[Any]]:
    """Return "LAYER/NAME" -> array of floats; bfloat16 comes as float32, exactly.

    The last dot of a name ends the layer's.

    Raises
    ------
    ImportError : without the extra
    FileNotFoundError : where there is none
    ModelFileError : for a damaged file, or one of other numbers than floats
    """
    safetensors = _library()
    with open(path, "rb") as file, as_model_file_errors(path):
        content = file.read()
        _check_header(content)
        try:
            found = safetensors.deserialize(content)
        except safetensors.SafetensorError as error:
            raise Wrong(f"it is no .safetensors file, or damaged: {error}") from error
    arrays = {}
    for name, tensor in found:
        with as_model_file_errors(path, name):
            array = _array(tensor)
        layer, _, own = name.rpartition(".")
        arrays[f"{layer}/{own}"] = array
    return arrays


def _library() -> Any:
    try:
        import safetensors.numpy
    except ImportError:
        raise ImportError(
            "this needs safetensors: pip install 'sora-np[safetensors]', or "
            "'sora-np[all]'"
        ) from None
    return safetensors


def _check_header(content: bytes) -> None:
    """Raise where names stand twice, which the library does not see, or for no file."""
    if len(content) < 8:
        raise Wrong("it is no .safetensors file, or cut off")
    (size,) = struct.unpack("<Q", content[:8])
    if size > min(len(content) - 8, LIMIT):
        raise Wrong(f"it declares a header of {size} bytes, of {len(content)} in all")
    json.loads(content[8 : 8 + size].decode(), object_pairs_hook=unique)


def _array(tensor: Mapping[str, Any]) -> NDArray[Any]:
    if tensor["dtype"] not in _FLOATS:
        kinds = ", ".join(_FLOATS)
        raise Wrong(f"it holds {tensor['dtype']}; floats are wanted: {kinds}")
    array = np.frombuffer(tensor["data"], _FLOATS[tensor["dtype"]])
    if tensor["dtype"] == "BF16":  # the upper half of a float32
        array = (array.astype(np.uint32) << 16).view(np.float32)
    native = array.dtype.newbyteorder("=")
    return array.astype(native, copy=False).reshape(tensor["shape"])
