import io
import os
import stat
import zipfile

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sora_np.datasets import npz
from sora_np.datasets.idx import DataFileError


@pytest.fixture
def arrays(rng):
    return {
        "x_train": rng.integers(0, 256, (6, 4, 4), np.uint8),
        "y_train": np.arange(6),
        "x_test": rng.random((3, 4, 4)),
        "y_test": np.eye(3),
    }


def test_it_reads_what_savez_wrote(arrays, tmp_path):
    for save in (np.savez, np.savez_compressed):
        save(tmp_path / "d.npz", other=1, **arrays)
        train, test = npz.load_data(tmp_path / "d.npz")
        for name, array in zip(npz.NAMES, (*train, *test), strict=True):
            assert_array_equal(array, arrays[name])
            assert array.dtype == arrays[name].dtype


def declared(shape, array):
    """An .npy file that says another shape than it holds."""
    file = io.BytesIO()
    header = {"descr": array.dtype.str, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue() + array.tobytes()


def spoilt(arrays, path, **members):
    np.savez(path, **{k: v for k, v in arrays.items() if k not in members})
    with zipfile.ZipFile(path, "a") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)


def headed(text):
    size = len(text).to_bytes(2, "little")
    return b"\x93NUMPY\1\0" + size + text


def packed(arrays, path, method):
    np.savez(path, **arrays)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


SPOIL = {
    "missing": (
        lambda p, a: np.savez(p, x=1, **{k: a[k] for k in ("x_train", "y_test")}),
        "it has no y_train, x_test, but x, x_train, y_test; np.savez",
    ),
    "bomb": (
        lambda p, a: spoilt(a, p, x_test=declared((10**11,), a["x_test"])),
        r"x_test declares the shape \(100000000000,\) of float64, but holds 384 bytes",
    ),
    "overflow": (
        lambda p, a: spoilt(a, p, x_test=declared((2**62, 8), a["x_test"])),
        "x_test declares the shape",
    ),
    "objects": (
        lambda p, a: np.savez(p, **a | {"y_train": np.array([None] * 6)}),
        "Object arrays cannot be loaded",
    ),
    "lengths": (
        lambda p, a: np.savez(p, **a | {"y_train": np.arange(5)}),
        r"x_train \(6, 4, 4\) and y_train \(5,\) must hold equally many samples",
    ),
    "text": (lambda p, a: p.write_text("no archive"), "it is no .npz archive"),
    "empty": (lambda p, a: p.touch(), "it is no .npz archive"),
    "npy": (
        lambda p, a: p.write_bytes(declared((9,), a["y_train"])),
        "it is no .npz archive",
    ),
    "header-cut": (  # tokenize.TokenError
        lambda p, a: spoilt(a, p, x_test=headed(b"{'descr': '<f8', 'shape': (3,")),
        "it is no .npz archive of arrays",
    ),
    "header-nested": (  # MemoryError, RecursionError
        lambda p, a: spoilt(a, p, x_test=headed(b"(" * 9000)),
        "it is no .npz archive of arrays",
    ),
    "lzma": (
        lambda p, a: packed(a, p, zipfile.ZIP_LZMA),
        "x_train is compressed by method 14, which np.savez",
    ),
    "bzip2": (
        lambda p, a: packed(a, p, zipfile.ZIP_BZIP2),
        "x_train is compressed by method 12",
    ),
    "complex": (
        lambda p, a: np.savez(p, **a | {"x_test": a["x_test"] + 1j}),
        "x_test: expected real numbers, got complex128",
    ),
    "dates": (
        lambda p, a: np.savez(p, **a | {"y_test": np.zeros(3, "M8[s]")}),
        r"y_test: expected real numbers, got datetime64\[s\]",
    ),
    "folder": (lambda p, a: p.mkdir(), "expected an .npz archive .*, got a folder"),
    "pipe": (lambda p, a: os.mkfifo(p), "archive of arrays, got a pipe"),
    "endless": (lambda p, a: p.symlink_to("/dev/zero"), "got a pipe, a socket or a"),
    "garbage": (lambda p, a: spoilt(a, p, x_test=b"abc"), "it is no .npz archive"),
}


@pytest.mark.parametrize("spoil, text", SPOIL.values(), ids=SPOIL)
def test_what_it_refuses(spoil, text, arrays, tmp_path):
    path = tmp_path / "d.npz"
    spoil(path, arrays)
    with pytest.raises(DataFileError, match=text) as caught:
        npz.load_data(path)
    assert caught.value.path == path


def test_cut_at_every_place(arrays, tmp_path):
    path = tmp_path / "d.npz"
    np.savez(path, **arrays)
    whole = path.read_bytes()
    for end in range(1, len(whole), 97):
        path.write_bytes(whole[:end])
        with pytest.raises(DataFileError):
            npz.load_data(path)


def test_a_flipped_byte_anywhere(arrays, tmp_path):
    """The very arrays, where it does not matter, or one error of one kind."""
    path = tmp_path / "d.npz"
    for save, step in ((np.savez, 31), (np.savez_compressed, 11)):
        save(path, **arrays)
        whole = path.read_bytes()
        for place in range(0, len(whole), step):
            for flip in (1, 0x88):
                bad = bytearray(whole)
                bad[place] ^= flip
                path.write_bytes(bad)
                try:
                    train, test = npz.load_data(path)
                except DataFileError:
                    continue
                for name, array in zip(npz.NAMES, (*train, *test), strict=True):
                    assert_array_equal(array, arrays[name], err_msg=f"{place} {flip}")


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError):
        npz.load_data(tmp_path / "none.npz")


def test_other_members_are_left_alone(arrays, tmp_path):
    """Names outside, links and objects: nothing is unpacked, four arrays are read."""
    folder = tmp_path / "inner"
    folder.mkdir()
    np.savez(folder / "d.npz", **arrays, odd=np.zeros(1))
    with zipfile.ZipFile(folder / "d.npz", "a") as archive:
        link = zipfile.ZipInfo("link.npy")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        for name in ("../out.npy", "/tmp/out.npy", link, "object.npy"):
            archive.writestr(name, b"/etc/passwd")
    (x_train, _), _ = npz.load_data(folder / "d.npz")
    assert_array_equal(x_train, arrays["x_train"])
    assert [p.name for p in tmp_path.rglob("*")] == ["inner", "d.npz"]
