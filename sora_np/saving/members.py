"""The members of an .npz archive, found and read without trusting it.

Every member must hold exactly what it declares, to the byte, and all members together
must fill the file.  So no file can ask for more memory than its own size.  Nothing is
unpickled, and no name becomes a path.  Sources: PKWARE's APPNOTE.TXT, sections 4.3 and
4.4, for zip; NumPy's NEP 1 for .npy.
"""

import hashlib
import io
import math
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sora_np.common.names import odd_name

LIMIT = 1 << 24  # bytes of a configuration or directory; as objects 20 times as much
_HEADER = re.compile(
    rb"\{'descr': '([^']*)', 'fortran_order': (False|True), "
    rb"'shape': \(([-\d, ]*)\), \} *\n"
)
NUMBERS = re.compile("[<>|](b1|i1|i2|i4|i8|u1|u2|u4|u8|f2|f4|f8)")
_FOREIGN = {
    b"": "it is empty",
    b"\x89HDF": "it is HDF5 (.h5), which is not supported: convert it to .safetensors",
    b"\x80": "it is a pickle, which could run any code, and is not read here",
}


class Member(NamedTuple):
    """The position of a .npy in the file."""

    start: int
    size: int
    crc: int


class Wrong(Exception):
    """The reason to reject a file; ``as_model_file_errors`` adds file and member."""


def directory(file: BinaryIO) -> dict[str, Member]:
    """Return where the members are; they must fill the file without overlap."""
    start = file.read(4)
    if start != b"PK\3\4":
        for magic, reason in _FOREIGN.items():
            if start[: len(magic) or None] == magic:
                raise Wrong(reason)
        raise Wrong("it is not an .npz archive")
    file.seek(-min(22, file.seek(0, io.SEEK_END)), io.SEEK_END)
    end = struct.unpack("<4s8xI4xH", file.read().rjust(22))
    if end[0] != b"PK\5\6" or end[2] != 0:
        raise Wrong("it is cut off, or something follows its end")
    if end[1] > LIMIT:
        raise Wrong(f"its directory must be at most {LIMIT} bytes, got {end[1]}")
    with zipfile.ZipFile(file) as archive:
        infos, last = archive.infolist(), archive.start_dir
    members: dict[str, Member] = {}
    place = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        name = info.orig_filename
        if info.header_offset != place:
            raise Wrong(f"{name!r} overlaps another member, or leaves a gap")
        members[_checked(info, members)] = member = _member(file, info)
        place = member.start + member.size
    if place != last:
        raise Wrong("there is a gap before its directory, or an overlap with it")
    return members


def _checked(info: zipfile.ZipInfo, members: Mapping[str, Any]) -> str:
    """Return the name of an array; raise if the member is not as we write it."""
    name = info.orig_filename.removesuffix(".npy")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if name == info.orig_filename or odd_name(name):
        raise Wrong(f"{info.orig_filename!r} cannot be the name of an array")
    if name in members:
        raise Wrong(f"it holds two members named {name!r}")
    if kind not in (0, stat.S_IFREG):
        raise Wrong(f"{name!r} must be a plain file, got a link or special file")
    if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & ~0x800:
        raise Wrong(f"{name!r} must be plain bytes, but is compressed or encrypted")
    if info.compress_size != info.file_size:
        raise Wrong(f"{name!r} declares two different sizes")
    return name


def _member(file: BinaryIO, info: zipfile.ZipInfo) -> Member:
    file.seek(info.header_offset)
    magic, name_size, extra_size = struct.unpack("<4s22xHH", file.read(30))
    name = file.read(name_size)
    code = "utf-8" if info.flag_bits & 0x800 else "cp437"
    if magic != b"PK\3\4" or name != info.orig_filename.encode(code):
        raise Wrong(f"{info.orig_filename!r} and its directory entry differ")
    start = info.header_offset + 30 + name_size + extra_size
    return Member(start, info.file_size, info.CRC)


def read_array(file: BinaryIO, member: Member, sha256: str | None) -> NDArray[Any]:
    """Return a member's array; its SHA-256, or CRC-32 if that is None, must match."""
    file.seek(member.start)
    header = file.read(min(10, member.size))
    if header[:8] != b"\x93NUMPY\1\0" or len(header) < 10:
        raise Wrong("it is not a .npy of version 1.0")
    header += file.read(min(header[8] + 256 * header[9], member.size - 10))
    found = _HEADER.fullmatch(header[10:])
    if found is None:
        raise Wrong(f"its header is not that of an array: {header[10:90]!r}")
    kind, fortran, sizes = (
        group.decode("ascii", "replace") for group in found.groups()
    )
    if not NUMBERS.fullmatch(kind):
        raise Wrong(f"it must hold numbers, got {kind}")
    shape = tuple(int(size) for size in sizes.split(",") if size.strip())
    dtype = np.dtype(kind)
    held = member.size - len(header)
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != held:
        raise Wrong(f"it declares {shape} of {dtype}, but holds {held} bytes")
    data = np.empty(held, np.uint8)
    if file.readinto(data.data) != held:  # type: ignore[attr-defined]
        raise Wrong("it is cut off")
    if sha256 is None:
        if zlib.crc32(data.data, zlib.crc32(header)) != member.crc:
            raise Wrong("it is damaged: its CRC-32 does not match")
    else:
        digest = hashlib.sha256(header)
        digest.update(data.data)
        if digest.hexdigest() != sha256:
            raise Wrong("it is damaged: its SHA-256 does not match")
    array: NDArray[Any] = data.view(dtype)
    array = array.reshape(shape[::-1]).T if fortran == "True" else array.reshape(shape)
    return array.astype(dtype.newbyteorder("="), order="C", copy=False)
