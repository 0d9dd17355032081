"""Weights to and from .safetensors, with the library itself as the oracle."""

import json
import struct
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from safetensors import safe_open
from safetensors.numpy import save_file

from sora_np.layers import BatchNormalization, Dense
from sora_np.models import Sequential, load_model
from sora_np.saving import ModelFileError, safetensors


@pytest.fixture
def model():
    layers = [Dense(2, input_shape=(3,)), BatchNormalization(), Dense(1, name="a.b")]
    return Sequential(layers, seed=1)


@pytest.fixture
def path(model, tmp_path):
    path = tmp_path / "w.safetensors"
    model.save_weights(path)
    return path


def test_the_library_reads_what_was_written(path, model):
    with safe_open(path, "np") as file:
        assert set(file.keys()) == {
            *("dense.kernel", "dense.bias", "a.b.kernel", "a.b.bias"),
            *("batch_normalization.gamma", "batch_normalization.beta"),
            "batch_normalization.moving_mean",
            "batch_normalization.moving_variance",
        }
        assert_array_equal(file.get_tensor("dense.kernel"), model.get_weights()[0])
        assert file.metadata()["written_by"].startswith("sora_np ")


def test_there_and_back(path, model, same_weights):
    other = Sequential.from_config(model.get_config() | {"seed": 2})
    assert not same_weights(model, other)
    other.load_weights(path)
    assert same_weights(model, other)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_other_floats_are_converted(tmp_path, dtype):
    kernel = np.array([[0.5], [-1.25], [3.0]], dtype)
    save_file({"dense.kernel": kernel}, tmp_path / "w.safetensors")
    model = Sequential([Dense(1, use_bias=False, input_shape=(3,))])
    model.load_weights(tmp_path / "w.safetensors")
    assert model.get_weights()[0].dtype == np.float32
    assert_array_equal(model.get_weights()[0], kernel)


def raw(header, data=b""):
    """A file of this header, whether it fits or not."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def test_bfloat16_is_the_upper_half_of_float32(tmp_path):
    """1, -2 and 3.140625 by hand: sign, 8 bits of exponent, 7 of the fraction."""
    entry = {"dtype": "BF16", "shape": [3, 1], "data_offsets": [0, 6]}
    data = struct.pack("<3H", 0x3F80, 0xC000, 0x4049)
    path = tmp_path / "w.safetensors"
    path.write_bytes(raw({"dense.kernel": entry}, data))
    assert safetensors.read(path)["dense/kernel"].tolist() == [[1], [-2], [3.140625]]


def entry(start=0, end=4, shape=(1,), dtype="F32"):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [start, end]}


OFFSET = "invalid offset for tensor `[ab]`"  # whichever it looks at first
HOSTILE = {  # content, what is said
    "empty": (b"", "cut off"),
    "text": (b"weights = [1, 2, 3]", "declares a header"),
    "header-of-10^12": (struct.pack("<Q", 10**12) + b"{}", "header of 1000000000000"),
    "deep": (raw(b"[" * 100_000 + b"]" * 100_000), "recursion"),
    "duplicate": (
        raw(b'{"a": %s, "a": %s}' % ((json.dumps(entry()).encode(),) * 2), bytes(4)),
        "a name occurs twice",
    ),
    "overlap": (
        raw({"a": entry(), "b": entry()}, bytes(4)),
        OFFSET,
    ),
    "gap": (
        raw({"a": entry(), "b": entry(8, 12)}, bytes(12)),
        OFFSET,
    ),
    "too-short": (
        raw({"a": entry(0, 8, (2,))}, bytes(4)),
        "a .safetensors file, or",
    ),
    "more-behind": (raw({"a": entry()}, bytes(8)), "a .safetensors file, or"),
    "negative": (
        raw({"a": entry(shape=(-1,))}, bytes(4)),
        "a .safetensors file, or",
    ),
    "2^62": (
        raw({"a": entry(shape=(2**62,))}, bytes(4)),
        "a .safetensors file, or",
    ),
    "overflow": (
        raw({"a": entry(shape=(2**33, 2**31))}, bytes(4)),
        "a .safetensors",
    ),
    "unknown-dtype": (
        raw({"a": entry(dtype="O")}, bytes(4)),
        "a .safetensors file",
    ),
    "integers": (raw({"dense.bias": entry(dtype="I32")}, bytes(4)), ", got I32"),
}


@pytest.mark.parametrize("content, reason", HOSTILE.values(), ids=HOSTILE)
def test_hostile_files(tmp_path, model, content, reason):
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    before = model.get_weights()
    with pytest.raises(ModelFileError, match=reason) as caught:
        model.load_weights(path)
    assert str(path) in str(caught.value)
    for was, now in zip(before, model.get_weights(), strict=True):
        assert_array_equal(now, was)


def test_truncated_anywhere(path, model):
    whole = path.read_bytes()
    for end in range(0, len(whole), 13):
        path.write_bytes(whole[:end])
        with pytest.raises(ModelFileError):
            model.load_weights(path)


def test_what_does_not_fit_is_listed(path):
    other = Sequential([Dense(3, input_shape=(3,))])
    with pytest.raises(ModelFileError) as caught:
        other.load_weights(path)
    for text in ("a.b/kernel is unknown", r"dense/kernel must be (3, 3), got (3, 2)"):
        assert text in str(caught.value)


def test_mistakes(path, model, tmp_path, monkeypatch):
    with pytest.raises(ModelFileError, match="holds only weights: create the model"):
        load_model(path)
    with pytest.raises(FileExistsError):
        model.save_weights(path, overwrite=False)
    with pytest.raises(FileNotFoundError):
        model.load_weights(tmp_path / "no.safetensors")
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    for use in (model.save_weights, model.load_weights):
        with pytest.raises(ImportError, match=r"pip install 'sora-np\[safetensors\]'"):
            use(path)
