"""The oracle: files packed by hand with struct, after the table in idx.py."""

import gzip
import hashlib
import os
import pickle
import struct
import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sora_np.datasets.idx import DataFileError, read_idx, read_idx_pair

LABELS = bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 2, 1])
IMAGES = bytes([0, 0, 8, 3]) + struct.pack(">3i", 3, 2, 1) + bytes([1, 2, 3, 4, 5, 6])
GZ = gzip.compress(LABELS, mtime=0)

ELEMENTS = {
    "u1": (0x08, "B", [0, 7, 255], np.uint8),
    "i1": (0x09, "b", [-128, 0, 127], np.int8),
    "i2": (0x0B, "h", [-32768, 258, 32767], np.int16),
    "i4": (0x0C, "i", [-(2**31), 16909060, 2**31 - 1], np.int32),
    "f4": (0x0D, "f", [-1.5, 0.0, 2.0**100], np.float32),
    "f8": (0x0E, "d", [-1.5, 1e300, float("inf")], np.float64),
}


def header(code, *sizes):
    return bytes([0, 0, code, len(sizes)]) + struct.pack(f">{len(sizes)}i", *sizes)


@pytest.mark.parametrize("compress", [bytes, gzip.compress], ids=["plain", "gz"])
@pytest.mark.parametrize("element", ELEMENTS)
def test_element_type_comes_out_native_and_writable(tmp_path, element, compress):
    code, letter, values, dtype = ELEMENTS[element]
    path = tmp_path / "x"
    path.write_bytes(compress(header(code, 3) + struct.pack(f">3{letter}", *values)))
    x = read_idx(path)
    assert x.dtype == dtype and x.dtype.isnative
    assert x.tolist() == values
    x[0] = 0


@pytest.mark.parametrize("name", ["x", "x.gz", "x.txt"])
@pytest.mark.parametrize("content", [LABELS, GZ], ids=["plain", "gz"])
def test_content_not_name_says_whether_it_is_compressed(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert_array_equal(read_idx(str(tmp_path / name)), [7, 2, 1])


def test_elements_are_in_c_order(tmp_path):
    (tmp_path / "x").write_bytes(IMAGES)
    assert_array_equal(read_idx(tmp_path / "x"), [[[1], [2]], [[3], [4]], [[5], [6]]])


def test_gz_of_several_members(tmp_path):
    (tmp_path / "x").write_bytes(gzip.compress(LABELS[:5]) + gzip.compress(LABELS[5:]))
    assert_array_equal(read_idx(tmp_path / "x"), [7, 2, 1])


@pytest.mark.parametrize("sizes", [(0,), (0, 28, 28), (3, 0)])
def test_empty_array(tmp_path, sizes):
    (tmp_path / "x").write_bytes(header(0x0C, *sizes))
    assert read_idx(tmp_path / "x").shape == sizes


BAD = {
    "empty": (b"", "an empty file"),
    "one byte": (b"\0", "got 00"),
    "text": (b"<!DOCTYPE html>", "got 3c 21 44 4f"),
    "PNG": (b"\x89PNG\r\n\x1a\n", "got 89 50 4e 47"),
    "first byte": (b"\1" + LABELS[1:], "not an IDX file"),
    "unknown element type": (b"\0\0\x0a\1" + LABELS[4:], "got 00 00 0a 01"),
    "little-endian magic": (b"\1\x08\0\0" + LABELS[4:], "not an IDX file"),
    "no dimensions": (b"\0\0\x08\0\7", "1 to 32 dimensions"),
    "33 dimensions": (header(8, *[1] * 33) + b"\7", "1 to 32 dimensions"),
    "cut in the sizes": (IMAGES[:15], "before the sizes of its 3 dimensions"),
    "negative size": (header(8, -1) + b"\7", r"impossible sizes: \(-1,\)"),
    "two negative sizes": (header(8, -2, -2) + bytes(4), "impossible sizes"),
    "overflow": (header(8, *[2**31 - 1] * 3), "impossible sizes"),
    "overflow by the element": (header(0x0E, 2**30, 2**30), "impossible sizes"),
    "overflow beside a zero": (header(8, *[2**31 - 1] * 3, 0), "impossible sizes"),
    "no elements": (LABELS[:8], r"3 bytes of elements for \(3,\), holds 0"),
    "short": (LABELS[:-1], r"3 bytes of elements for \(3,\), holds 2"),
    "trailing byte": (LABELS + b"\0", r"3 bytes of elements for \(3,\), holds more"),
    "petabytes declared": (header(8, 2**25, 2**25) + b"\7", "holds 1"),
    "gz, trailing byte": (gzip.compress(LABELS + b"\0"), "holds more"),
    "gz, short": (gzip.compress(LABELS[:-1]), "holds 2"),
    "gz, empty inside": (gzip.compress(b""), "an empty file"),
    "gz in gz": (gzip.compress(GZ), "got 1f 8b"),
    "gz, text behind": (GZ + b"text", "cut off or damaged"),
    "gz, wrong CRC": (GZ[:-8] + bytes(4) + GZ[-4:], "cut off or damaged"),
    "gz, bad deflate": (GZ[:10] + b"\xff" * 8 + GZ[18:], "cut off or damaged"),
}


@pytest.mark.parametrize("case", BAD)
def test_refused_with_file_and_reason(tmp_path, case):
    content, reason = BAD[case]
    path = tmp_path / "bad-file"
    path.write_bytes(content)
    with pytest.raises(DataFileError, match=rf"bad-file: .*{reason}"):
        read_idx(path)


@pytest.mark.parametrize(
    "content", [IMAGES, gzip.compress(IMAGES)], ids=["plain", "gz"]
)
def test_refused_wherever_it_is_cut_off(tmp_path, content):
    for length in range(len(content)):
        (tmp_path / "x").write_bytes(content[:length])
        with pytest.raises(DataFileError):
            read_idx(tmp_path / "x")
            pytest.fail(f"accepted the first {length} of {len(content)} bytes")


def test_gz_bomb_uses_no_more_memory_than_declared(tmp_path):
    (tmp_path / "x").write_bytes(gzip.compress(header(8, 1000) + bytes(200_000_000), 1))
    tracemalloc.start()
    try:
        with pytest.raises(DataFileError, match="declares 1000 bytes.*holds more"):
            read_idx(tmp_path / "x")
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_folder_is_refused(tmp_path):
    with pytest.raises(DataFileError, match="got a folder"):
        read_idx(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no FIFOs")
def test_fifo_is_refused_rather_than_waited_for(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(DataFileError, match="or a device"):
        read_idx(tmp_path / "fifo")


def test_missing_file_is_a_different_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_idx(tmp_path / "nowhere")


@pytest.mark.parametrize("content", [LABELS, GZ], ids=["plain", "gz"])
def test_sha256_is_that_of_the_decompressed_file(tmp_path, content):
    (tmp_path / "x").write_bytes(content)
    digest = hashlib.sha256(LABELS).hexdigest()
    assert_array_equal(read_idx(tmp_path / "x", sha256=digest), [7, 2, 1])
    with pytest.raises(DataFileError, match=f"is {digest}, expected 0000"):
        read_idx(tmp_path / "x", sha256="0" * 64)


def test_unexpected_shape_is_refused_before_the_elements_are_read(tmp_path):
    (tmp_path / "x").write_bytes(header(8, 2**30, 2**30))
    with pytest.raises(DataFileError, match=r"expected \(3,\)"):
        read_idx(tmp_path / "x", shape=(3,))


def test_pair(tmp_path):
    (tmp_path / "x").write_bytes(IMAGES)
    (tmp_path / "y").write_bytes(GZ)
    x, y = read_idx_pair(tmp_path / "x", tmp_path / "y")
    assert x.shape == (3, 2, 1)
    assert y.tolist() == [7, 2, 1]


def test_pair_of_different_counts_is_refused(tmp_path):
    (tmp_path / "x").write_bytes(IMAGES)
    (tmp_path / "y").write_bytes(header(8, 2) + b"\7\2")
    with pytest.raises(DataFileError, match=r"y: .* 3 images in .*x, got 2 labels"):
        read_idx_pair(tmp_path / "x", tmp_path / "y")


def test_swapped_pair_is_refused(tmp_path):
    (tmp_path / "x").write_bytes(IMAGES)
    (tmp_path / "y").write_bytes(LABELS)
    with pytest.raises(DataFileError, match=r"x: .*got \(3, 2, 1\).*swapped"):
        read_idx_pair(tmp_path / "y", tmp_path / "x")


def test_error_can_cross_processes():
    error = pickle.loads(pickle.dumps(DataFileError("x", "is bad")))
    assert (str(error), error.path, error.reason) == ("x: is bad", "x", "is bad")
