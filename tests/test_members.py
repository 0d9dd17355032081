"""Archives that are hostile: refused, with the reason, before memory is taken."""

import io
import json
import os
import stat
import struct
import zipfile

import numpy as np
import pytest

from sora_np.saving import archive
from sora_np.saving.archive import ModelFileError

SMALL = {"format": 1, "written_by": "0.1.0", "model": None}


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def header(descr="'<f4'", shape="(3,)", order="False", data=bytes(12), version=1):
    """A .npy that says what it likes."""
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"
    text = text.encode().ljust(117) + b"\n"
    return (
        b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H", len(text)) + text + data
    )


def config(text=None):
    text = json.dumps(SMALL).encode() if text is None else text
    return "config.json.npy", npy(np.frombuffer(text, np.uint8))


def zipped(*members):
    """An archive of (name or ZipInfo, content) in this order, as format 1 has."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members:
            file.writestr(name, content)
    return buffer.getvalue()


def info(name, *, compress=zipfile.ZIP_STORED, mode=0):
    made = zipfile.ZipInfo(name)
    made.compress_type, made.external_attr = compress, mode << 16
    return made


def renamed(old, new):
    """A name that ``zipfile`` would not write."""
    return zipped(config(), (old, npy(np.zeros(3)))).replace(old.encode(), new)


def with_gap():
    """Some bytes between the members and the directory, which says where it is."""
    whole = zipped(config(), ("x.npy", npy(np.zeros(3))))
    start = whole.rindex(b"PK\1\2", 0, whole.rindex(b"PK\1\2"))
    moved = bytearray(whole[:start] + bytes(50) + whole[start:])
    struct.pack_into("<I", moved, len(moved) - 6, start + 50)
    return bytes(moved)


def overlapping(shift):
    """The directory lets the second member begin elsewhere."""
    whole = bytearray(zipped(config(), ("x.npy", npy(np.zeros(3)))))
    place = whole.rindex(b"PK\1\2") + 42
    (offset,) = struct.unpack_from("<I", whole, place)
    struct.pack_into("<I", whole, place, offset + shift)
    return bytes(whole)


BOMB = info("x.npy", compress=zipfile.ZIP_DEFLATED)
LINK = info("x.npy", mode=stat.S_IFLNK | 0o777)
GIANT = "(50000000000,)"
HOSTILE = {  # what the file is, what is said
    "no-zip": (b"PK\3\4" + bytes(100), "cut off"),
    "no-directory": (b"PK\3\4" + b"PK\5\6" + bytes(18), "a gap before its directory"),
    "trailing-bytes": (zipped(config()) + b"x", "cut off, or something follows"),
    "before-it": (b"PK\3\4" + zipped(config()), "leaves a gap"),
    "gap": (with_gap(), "a gap before its directory"),
    "overlap": (overlapping(-64), "overlaps another member"),
    "hole": (overlapping(4), "overlaps another member, or leaves a gap"),
    "twice": (
        zipped(
            config(), ("x.npy", npy(np.zeros(3))), ("y.npy", npy(np.zeros(3)))
        ).replace(b"y.npy", b"x.npy"),
        "two members named 'x'",
    ),
    "outside": (
        zipped(config(), ("../x.npy", npy(np.zeros(3)))),
        r"'../x.npy' cannot",
    ),
    "absolute": (zipped(config(), ("/x.npy", npy(np.zeros(3)))), r"'/x.npy' cannot be"),
    "NUL": (renamed("xyz.npy", b"x\0z.npy"), r"'x\\x00z.npy' cannot be"),
    "backslash": (renamed("xyz.npy", b"x\\z.npy"), "cannot be the name of an array"),
    "no-array": (zipped(config(), ("x.py", b"print()")), "'x.py' cannot be the name"),
    "link": (
        zipped(config(), (LINK, b"/etc/passwd")),
        "'x' must be .*, got a link",
    ),
    "deflate-bomb": (
        zipped(config(), (BOMB, npy(np.zeros(10**6)))),
        "'x' must be plain bytes",
    ),
    "no-config": (zipped(("x.npy", npy(np.zeros(3)))), "it has no config.json"),
    "config-too-large": (
        zipped(config(b" " * (1 << 24))),
        "config.json: it must be",
    ),
    "config-of-floats": (
        zipped(("config.json.npy", npy(np.full(9, np.nan)))),
        "config.json: it is not a model",
    ),
    "deep-json": (
        zipped(config(b"[" * 100_000 + b"]" * 100_000)),
        "config.json: .*recursion",
    ),
    "long-number": (zipped(config(b"1" * 100_000)), "config.json: .*(limit|format)"),
    "no-object": (zipped(config(b"[1]")), "config.json: it has no format number"),
    "name-twice": (zipped(config(b'{"a": 1, "a": 2}')), "a name occurs twice"),
    "format-text": (zipped(config(b'{"format": "2"}')), "it has no format number"),
    "newer": (
        zipped(config(b'{"format": 3, "written_by": "7.0"}')),
        r"a format up to 2, .*; got format 3, written by sora_np 7\.0: upgrade",
    ),
    "no-digests": (
        zipped(config(b'{"format": 2}')),
        'entries "config" and',
    ),
    "not-in-config": (
        zipped(
            ("x.npy", npy(np.zeros(3))),
            config(b'{"format": 2, "config": {}, "sha256": {"y": ""}}'),
        ),
        "missing, or not listed here: x, y",
    ),
}
MEMBERS = {  # what the member x is, what is said
    "empty": (b"", "not a .npy of version 1.0"),
    "text": (b"hello" * 10, "not a .npy of version 1.0"),
    "version-3": (header(version=3), "not a .npy of version 1.0"),
    "object": (header("'|O'"), r"it must hold numbers, got \|O"),
    "text-array": (header("'<U3'"), "it must hold numbers, got <U3"),
    "records": (header("[('a', '<f4')]"), "its header is not that of an array"),
    "unknown-dtype": (header("'<q7'"), "it must hold numbers, got <q7"),
    "longdouble": (header("'<f16'"), "it must hold numbers, got <f16"),
    "code": (header("'<f4'", "__import__('os')"), "its header is not that"),
    "negative": (header(shape="(-3,)"), r"it declares \(-3,\) of float32"),
    "two-negatives": (header(shape="(-3, -1)"), r"it declares \(-3, -1\)"),
    "373-GiB": (header("'<f8'", GIANT), "but holds 12 bytes"),
    "2^62": (header(shape=f"({2**62},)"), "but holds 12 bytes"),
    "overflow-to-12": (header(shape=f"({2**62 + 3},)"), "but holds 12 bytes"),
    "overflow-to-0": (header(shape=f"({2**32}, {2**32})", data=b""), "but holds 0"),
    "huge-and-empty": (
        header(shape=f"(0, {2**62})", data=b""),
        "not a model, or damaged",
    ),
    "70-dimensions": (
        header(shape=f"({'1,' * 70})", data=bytes(4)),
        "is not that|dim",
    ),
    "too-long": (header(data=bytes(13)), "but holds 13 bytes"),
    "too-short": (header(data=bytes(11)), "but holds 11 bytes"),
    "header-too-long": (header()[:100], "its header is not that"),
}


def check(path, content, reason):
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=reason) as caught:
        archive.read(path)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("content, reason", HOSTILE.values(), ids=HOSTILE)
def test_hostile_archives(tmp_path, content, reason):
    check(tmp_path / "file.npz", content, reason)


@pytest.mark.parametrize("content, reason", MEMBERS.values(), ids=MEMBERS)
def test_hostile_members(tmp_path, content, reason):
    check(tmp_path / "file.npz", zipped(config(), ("x.npy", content)), f"x: .*{reason}")


def test_odd_members_that_are_right(tmp_path):
    members = {
        "big-endian": (header("'>i4'", data=struct.pack(">3i", 1, 2, 3)), [1, 2, 3]),
        "number": (header(shape="()", data=np.float32(7).tobytes()), 7),
        "empty": (header(shape="(0, 3)", data=b""), []),
        "columns": (header("'|u1'", "(2, 2)", "True", b"\1\2\3\4"), [[1, 3], [2, 4]]),
        "truth": (header("'|b1'", "(2,)", data=b"\0\1"), [False, True]),
    }
    named = [(f"{name}.npy", content) for name, (content, _) in members.items()]
    (tmp_path / "file.npz").write_bytes(zipped(config(), *named))
    _, arrays = archive.read(tmp_path / "file.npz")
    assert {k: a.tolist() for k, a in arrays.items()} == {
        name: value for name, (_, value) in members.items()
    }


def test_a_hole_in_the_disk_is_no_memory(tmp_path):
    """10^13 bytes that are nowhere, declared and held."""
    path = tmp_path / "file.npz"
    archive.write(path, {}, {"x": np.zeros(3)})
    with open(path, "ab") as file:
        file.truncate(10**13)
    with pytest.raises(ModelFileError, match="cut off, or something follows"):
        archive.read(path)


@pytest.mark.parametrize("kind", ["folder", "device", "pipe"])
def test_what_is_no_file(tmp_path, kind):
    path = tmp_path / "x" if kind == "folder" else "/dev/zero"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        path = tmp_path / "pipe"
        os.mkfifo(path)
    with pytest.raises(ModelFileError, match="it is (a folder|not a regular file)"):
        archive.read(path)
    with pytest.raises(FileNotFoundError):
        archive.read(tmp_path / "nothing")
