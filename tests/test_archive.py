"""Arrays and a configuration, there and back, and what is refused."""

import io
import json
import zipfile

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sora_np.saving import archive
from sora_np.saving.archive import ModelFileError

ARRAYS = {
    "weights/dense/kernel": np.arange(12, dtype=np.float32).reshape(3, 4),
    "turned": np.arange(6.0).reshape(2, 3).T,
    "number": np.float64(3.5),
    "none": np.zeros((0, 7), np.float16),
    "flags": np.array([True, False]),
    "other-order": np.arange(3, dtype=">i4"),
    "größe": np.array([np.nan, np.inf, -0.0]),
    "strided": np.arange(10)[::-3],
}
CONFIG = {"list": [1, 2.5, None], "best": float("inf"), "name": "Größe"}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "file.npz"
    archive.write(path, CONFIG, {k: np.asarray(v) for k, v in ARRAYS.items()})
    return path


def test_there_and_back(path):
    config, arrays = archive.read(path)
    assert config == archive.read_config(path) == CONFIG
    assert list(arrays) == list(ARRAYS)
    for name, array in ARRAYS.items():
        assert_array_equal(arrays[name], array, err_msg=name)
        assert arrays[name].dtype == array.dtype.newbyteorder("="), name
        assert arrays[name].flags.carray and arrays[name].shape == array.shape, name


def test_numpy_reads_it(path):
    with np.load(path) as members:
        assert_array_equal(members["turned"], ARRAYS["turned"])
        head = json.loads(members["config.json"].tobytes())
    assert head["config"] == CONFIG and head["format"] == archive.FORMAT


def test_same_content_same_bytes(path, tmp_path):
    for name in "ab":
        archive.write(tmp_path / name, *archive.read(path))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_format_1_is_read_as_numpy_wrote_it(tmp_path):
    head = {"format": 1, "written_by": "0.1.0", "model": None}
    text = np.frombuffer(json.dumps(head).encode(), np.uint8)
    np.savez(tmp_path / "old.npz", **{"config.json": text, "w": ARRAYS["turned"]})
    config, arrays = archive.read(tmp_path / "old.npz")
    assert config == {"model": None}
    assert_array_equal(arrays["w"], ARRAYS["turned"])


@pytest.mark.parametrize(
    "config, arrays, error, text",
    [
        ({"f": print}, {}, TypeError, "not JSON serializable"),
        ({"text": "x" * archive.LIMIT}, {}, ValueError, "at most"),
        (
            {},
            {"x": np.array([None])},
            TypeError,
            "x must be .*, got object",
        ),
        (
            {},
            {"x": np.array(["a"])},
            TypeError,
            "x must be .*, got <U1",
        ),
        ({}, {"../x": np.zeros(1)}, ValueError, "'../x' cannot be the name"),
        ({}, {"config.json": np.zeros(1)}, ValueError, "cannot be the name"),
    ],
)
def test_what_cannot_be_written_leaves_no_file(tmp_path, config, arrays, error, text):
    with pytest.raises(error, match=text):
        archive.write(tmp_path / "file.npz", config, arrays)
    assert not list(tmp_path.iterdir())


def test_overwrite(path):
    content = path.read_bytes()
    with pytest.raises(FileExistsError, match="overwrite=True"):
        archive.write(path, {}, {}, overwrite=False)
    assert path.read_bytes() == content


def test_truncated_anywhere(path):
    whole = path.read_bytes()
    for end in range(0, len(whole), 5):
        path.write_bytes(whole[:end])
        with pytest.raises(ModelFileError) as caught:
            archive.read(path)
        assert caught.value.path == path and caught.value.reason


@pytest.mark.parametrize("mask", [0xFF, 0x01, 0x80])
def test_flipped_anywhere(path, mask):
    """A flip is noticed, or it was in nothing that matters, such as a date."""
    whole, (config, arrays) = path.read_bytes(), archive.read(path)
    refused = 0
    for k in range(0, len(whole), 3):
        flipped = bytearray(whole)
        flipped[k] ^= mask
        path.write_bytes(flipped)
        try:
            same, read = archive.read(path)
        except ModelFileError:
            refused += 1
            continue
        assert same == config and list(read) == list(arrays), k
        for name, array in arrays.items():
            assert_array_equal(read[name], array, err_msg=f"{name}, byte {k}")
    assert refused > len(whole) / 3 * 0.7


def test_a_digest_notices_what_crc_does_not(path):
    """A member is replaced, with a CRC-32 that fits; the configuration stays."""
    with zipfile.ZipFile(path) as old:
        members = {name: old.read(name) for name in old.namelist()}
    buffer = io.BytesIO()
    np.save(buffer, ARRAYS["flags"][::-1])
    members["flags.npy"] = buffer.getvalue()
    with zipfile.ZipFile(path, "w") as new:
        for name, content in members.items():
            new.writestr(name, content)
    with pytest.raises(ModelFileError, match="SHA-256 does not match") as caught:
        archive.read(path)
    assert caught.value.member == "flags" and archive.read_config(path) == CONFIG
