import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import sora_np.datasets
from sora_np.datasets import fashion_mini, fashion_mnist
from sora_np.datasets.idx import DataFileError

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
needs_originals = pytest.mark.skipif(
    not DEBIAN.is_dir(), reason="needs Debian's package dataset-fashion-mnist"
)


@pytest.fixture(scope="module")
def mini():
    return fashion_mini.load_data()


def test_form_is_that_of_keras(mini):
    (x_train, y_train), (x_test, y_test) = mini
    assert (x_train.shape, y_train.shape) == ((10000, 28, 28), (10000,))
    assert (x_test.shape, y_test.shape) == ((2000, 28, 28), (2000,))
    assert {a.dtype for a in (x_train, y_train, x_test, y_test)} == {np.dtype("u1")}
    assert all(a.flags.c_contiguous and a.flags.writeable for a in (x_train, x_test))


def test_classes_are_balanced(mini):
    (_, y_train), (_, y_test) = mini
    assert np.bincount(y_train).tolist() == [1000] * 10
    assert np.bincount(y_test).tolist() == [200] * 10


def test_first_labels_are_the_published_ones(mini):
    (_, y_train), (_, y_test) = mini
    assert y_train[:10].tolist() == [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]
    assert y_test[:10].tolist() == [9, 2, 1, 1, 6, 1, 4, 6, 5, 7]


def test_class_names_are_those_of_fashion_mnist():
    assert fashion_mini.CLASS_NAMES == fashion_mnist.CLASS_NAMES


def test_every_load_returns_arrays_of_its_own(mini):
    (x, _), _ = mini
    (other, _), _ = fashion_mini.load_data()
    assert not np.shares_memory(x, other)


@pytest.mark.parametrize("offset", [30, 2_000_000, -10], ids=["head", "body", "end"])
def test_flipped_bit_is_refused(tmp_path, monkeypatch, offset):
    content = bytearray(fashion_mini.ARCHIVE.read_bytes())
    content[offset] ^= 1
    (tmp_path / "flipped.npz").write_bytes(content)
    monkeypatch.setattr(fashion_mini, "ARCHIVE", tmp_path / "flipped.npz")
    with pytest.raises(DataFileError, match="flipped.npz: its SHA-256 is"):
        fashion_mini.load_data()


def test_licence_goes_with_the_pictures():
    with zipfile.ZipFile(fashion_mini.ARCHIVE) as archive:
        text = archive.read("LICENSE.txt").decode()
    assert "Copyright © 2017 Zalando SE" in text
    assert "Permission is hereby granted" in text


def test_archive_is_small():
    assert os.path.getsize(fashion_mini.ARCHIVE) < 5_500_000


@needs_originals
def test_holds_the_first_of_each_class_in_the_original_order(mini):
    originals = fashion_mnist.load_data(DEBIAN)
    for (x, y), (x_mini, y_mini), count in zip(
        originals, mini, (1000, 200), strict=True
    ):
        seen = [0] * 10
        keep = []
        for i, label in enumerate(y.tolist()):
            if seen[label] < count:
                keep.append(i)
                seen[label] += 1
        assert_array_equal(y_mini, y[keep])
        assert_array_equal(x_mini, x[keep])


@needs_originals
@pytest.mark.slow
def test_script_makes_the_same_archive_again(tmp_path):
    module = "sora_np.datasets.fashion_mini"
    command = [sys.executable, "-W", "error", "-m", module, str(DEBIAN)]
    root = Path(sora_np.datasets.__file__).parents[2]
    out = tmp_path / "again.npz"
    done = subprocess.run(
        [*command, str(out)], cwd=root, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(bytes.fromhex(done.stdout.strip())) == 32
    # the compressed bytes depend on the version of zlib: compare what is in them
    with (
        zipfile.ZipFile(fashion_mini.ARCHIVE) as committed,
        zipfile.ZipFile(out) as again,
    ):
        assert again.namelist() == committed.namelist()
        for name in again.namelist():
            assert again.read(name) == committed.read(name), name
            assert again.getinfo(name).date_time == (1980, 1, 1, 0, 0, 0)


def test_script_without_arguments_says_how_to_call_it():
    command = [sys.executable, "-m", "sora_np.datasets.fashion_mini"]
    root = Path(sora_np.datasets.__file__).parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        "usage: python -m sora_np.datasets.fashion_mini FOLDER OUT.npz" in done.stderr
    )
