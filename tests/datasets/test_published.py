"""The data sets as they were published, where Debian has them."""

from pathlib import Path

import numpy as np
import pytest

from sora_np import datasets
from sora_np.datasets import fashion_mnist, mnist
from sora_np.datasets.idx import DataFileError

DEBIAN = Path("/usr/share/datasets/fashion-mnist")


@pytest.mark.parametrize("module", [fashion_mnist, mnist])
def test_published_data_sets_are_described_whole(module):
    shapes = [(60000, 28, 28), (60000,), (10000, 28, 28), (10000,)]
    assert [file.shape for file in module.DATA_SET.files] == shapes
    assert all(len(bytes.fromhex(file.sha256)) == 32 for file in module.DATA_SET.files)


def test_class_names_are_those_in_the_documentation_of_keras():
    assert "|".join(fashion_mnist.CLASS_NAMES) == (
        "T-shirt/top|Trouser|Pullover|Dress|Coat|Sandal|Shirt|Sneaker|Bag|Ankle boot"
    )
    assert "".join(mnist.CLASS_NAMES) == "0123456789"


def test_modules_are_attributes_of_the_package():
    assert datasets.__getattr__("mnist") is mnist  # what imports it the first time
    assert {"fashion_mini", "fashion_mnist", "mnist"} <= set(dir(datasets))
    with pytest.raises(AttributeError, match="'sora_np.datasets' has no .* 'minst'"):
        _ = datasets.minst


def test_fashion_mnist_as_debian_packages_it():
    if not DEBIAN.is_dir():
        pytest.skip("needs Debian's package dataset-fashion-mnist")
    (x_train, y_train), (x_test, y_test) = fashion_mnist.load_data(DEBIAN)
    assert (x_train.shape, x_train.dtype) == ((60000, 28, 28), np.uint8)
    assert (x_test.shape, x_test.dtype) == ((10000, 28, 28), np.uint8)
    assert np.bincount(y_train).tolist() == [6000] * 10
    assert np.bincount(y_test).tolist() == [1000] * 10
    # the mean and deviation with which everybody normalises it
    assert x_train.mean() / 255 == pytest.approx(0.2860, abs=5e-5)
    assert x_train.std() / 255 == pytest.approx(0.3530, abs=5e-5)


def test_mnist_refuses_fashion_mnist_whose_files_have_the_same_names():
    if not DEBIAN.is_dir():
        pytest.skip("needs Debian's package dataset-fashion-mnist")
    with pytest.raises(DataFileError, match="train-images.*another data set"):
        mnist.load_data(DEBIAN)
