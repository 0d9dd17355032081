"""Model files that are broken or hostile: a reason given, the model as it was."""

import io
import os
import pickle
import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sora_np.layers import Dense
from sora_np.models import Sequential, load_model
from sora_np.optimizers import Adam
from sora_np.saving import ModelFileError, archive

X = np.random.default_rng(0).random((6, 3))
Y = np.arange(6) % 2


def small():
    model = Sequential([Dense(2, "softmax", input_shape=(3,))])
    model.compile(Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(X, Y, verbose=0)
    return model


@pytest.fixture
def model():
    return small()


@pytest.fixture
def path(model, tmp_path):
    path = tmp_path / "model.npz"
    model.save(path)
    return path


@pytest.fixture
def rewrite(path):
    """A function that changes the configuration and the arrays of the file."""

    def rewrite(change):
        config, arrays = archive.read(path)
        change(config, arrays)
        archive.write(path, config, arrays)

    return rewrite


def refused(path, match):
    """Loading says which file, and why; the model at hand stays as it was."""
    model = small()
    before = model.get_weights()
    for load in (load_model, model.load_weights):
        with pytest.raises(ModelFileError, match=match) as caught:
            load(path)
        assert str(path) in str(caught.value)
        for was, now in zip(before, model.get_weights(), strict=True):
            assert_array_equal(now, was)


# --- what is no model file ----------------------------------------------------

ARCHIVE = io.BytesIO()
np.savez(ARCHIVE, x=X)
FOREIGN = {
    "empty": (b"", "it is empty"),
    "seven-bytes": (b"1234567", "it is not an .npz archive"),
    "text": (b"weights = [1, 2, 3]\n" * 20, "it is not an .npz archive"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(100), "it is not an .npz archive"),
    "pickle": (pickle.dumps({"weights": [1]}), "it is a pickle, which could run any"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(100), r"it is HDF5 \(.h5\), which is not"),
    "npy": (b"\x93NUMPY\x01\x00" + bytes(100), "it is not an .npz archive"),
    "huge-header": (b"\xff" * 8 + b"{}", "it is not an .npz archive"),
    "zip-start": (b"PK\3\4" + bytes(100), "it is cut off"),
    "other-npz": (ARCHIVE.getvalue(), "it has no config.json, so sora_np has not"),
}


@pytest.mark.parametrize("content, reason", FOREIGN.values(), ids=FOREIGN)
def test_foreign_file(tmp_path, content, reason):
    path = tmp_path / "model.npz"
    path.write_bytes(content)
    refused(path, reason)


def test_directory(tmp_path):
    refused(tmp_path, "expected a file, but it is a folder")


@pytest.mark.parametrize("name", ["model.npz", "weights.safetensors"])
def test_pipes_and_devices(name, tmp_path):
    """To open the one, or to read the other, never ends."""
    os.mkfifo(tmp_path / name)
    os.mkdir(tmp_path / f"folder-{name}")
    os.symlink("/dev/zero", tmp_path / f"zero-{name}")
    for kind, file in (
        ("not a regular file", name),
        ("a folder", f"folder-{name}"),
        ("not a regular file", f"zero-{name}"),
    ):
        with pytest.raises(ModelFileError, match=f"expected a file, but it is {kind}"):
            small().load_weights(tmp_path / file)


def test_a_hole_of_a_terabyte_is_not_read(tmp_path):
    path = tmp_path / "w.safetensors"
    with open(path, "wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ModelFileError, match="w.safetensors"):
        small().load_weights(path)


def test_missing_file_is_another_error(tmp_path):
    path = tmp_path / "model.npz"
    for load in (load_model, small().load_weights):
        with pytest.raises(FileNotFoundError, match=re.escape(str(path))):
            load(path)


def test_truncated_anywhere(path):
    whole = path.read_bytes()
    model = small()
    before = model.get_weights()
    for end in range(0, len(whole), 31):
        path.write_bytes(whole[:end])
        for load in (load_model, model.load_weights):
            with pytest.raises(ModelFileError, match=re.escape(str(path))):
                load(path)
    for was, now in zip(before, model.get_weights(), strict=True):
        assert_array_equal(now, was)


def test_random_bytes_behind_a_right_beginning(path):
    whole, rng = path.read_bytes(), np.random.default_rng(0)
    for cut in rng.integers(4, len(whole), 50):
        path.write_bytes(whole[:cut] + rng.bytes(len(whole) - cut))
        with pytest.raises(ModelFileError, match=re.escape(str(path))):
            load_model(path)


# --- contents that do not fit -------------------------------------------------


def layer_config(config):
    return config["model"]["layers"][0]["config"]


def delete(*names):
    def change(config, arrays):
        for name in names:
            del arrays[name]

    return change


CONTENTS = {  # what is done to configuration and arrays, what load_model says
    "no-model": (lambda c, a: c.pop("model"), "no entry 'model'"),
    "model-is-a-list": (
        lambda c, a: c.update(model=[1]),
        "it is not a model, or damaged",
    ),
    "layers-is-a-number": (
        lambda c, a: c["model"].update(layers=3),
        "it is not a model, or damaged",
    ),
    "unknown-class": (
        lambda c, a: c["model"]["layers"][0].update(class_name="system", module="os"),
        "unknown layer 'system'",
    ),
    "class-of-another-kind": (
        lambda c, a: c["model"]["layers"][0].update(class_name="Adam"),
        "unknown layer 'Adam'",
    ),
    "unknown-argument": (lambda c, a: layer_config(c).update(colour=1), "colour"),
    "wrong-argument": (lambda c, a: layer_config(c).update(units=-3), "units must be"),
    "unknown-activation": (
        lambda c, a: layer_config(c).update(activation="os.system"),
        "unknown activation 'os.system'",
    ),
    "unknown-initialiser": (
        lambda c, a: layer_config(c).update(
            kernel_initializer={"class_name": "eval", "config": {}}
        ),
        "unknown initializer 'eval'",
    ),
    "unknown-optimiser": (
        lambda c, a: c["compile"]["optimizer"].update(class_name="eval"),
        "unknown optimizer 'eval'",
    ),
    "unknown-loss": (lambda c, a: c["compile"].update(loss="eval"), "loss 'eval'"),
    "other-units": (
        lambda c, a: layer_config(c).update(units=5),
        r"dense/bias must be \(5,\), got \(2,\); .*kernel must be .*, got \(3, 2\)",
    ),
    "all-missing": (
        delete("weights/dense/kernel", "weights/dense/bias"),
        "bias is missing; dense/kernel is missing",
    ),
    "extra": (
        lambda c, a: a.update({"weights/dense/gamma": X}),
        "dense/gamma is unknown",
    ),
    "transposed": (
        lambda c, a: a.update({"weights/dense/kernel": np.zeros((2, 3), "f4")}),
        r"dense/kernel must be \(3, 2\), got \(2, 3\)",
    ),
    "integers": (
        lambda c, a: a.update({"weights/dense/bias": np.zeros(2, "i4")}),
        "dense/bias must hold floats, got int32",
    ),
    "optimiser-that-is-none": (
        lambda c, a: c["compile"].update(optimizer=None),
        "it is not a model, or damaged",
    ),
    "weights-alone": (
        lambda c, a: c.update(model=None),
        r"it holds only weights: create the model, then call model\.load_weights",
    ),
    "too-many-layers": (
        lambda c, a: c["model"].update(layers=c["model"]["layers"] * 10_001),
        "at most 10000 layers",
    ),
    "class-names": (
        lambda c, a: c["model"].update(class_names={"a": 1}),
        "class_names must be a list",
    ),
    "layer-name": (lambda c, a: layer_config(c).update(name=[1]), "name must be"),
    "next-epoch": (
        lambda c, a: c["training"].update(next_epoch=-1),
        "next_epoch must be",
    ),
    "shuffle": (
        lambda c, a: c["training"]["shuffle"].update(bit_generator="Nothing"),
        "it is not a model, or damaged",
    ),
    "stream-of-no-layer": (
        lambda c, a: c["training"]["layers"].update(dense={}),
        "the layer 'dense' has no random stream",
    ),
    "no-slots": (delete("optimizer/m"), r"slots \['m', 'v'\], got \['v'\]"),
    "range-of-one": (lambda c, a: c.update(input_range=[1]), "must be two numbers"),
    "range-backwards": (lambda c, a: c.update(input_range=[2, 1]), "two numbers in"),
    "range-of-text": (lambda c, a: c.update(input_range=["0", 1]), "two numbers in"),
    "range-of-nan": (
        lambda c, a: c.update(input_range=[float("nan"), 1]),
        "two numbers in ascending order",
    ),
    "other-slots": (
        lambda c, a: a.update({"optimizer/m": np.zeros(3)}),
        r"optimizer/m must be \(8,\) float32, got \(3,\) float64",
    ),
}


LONG = "x" * 60_000 + "\x1b[2J"
HOSTILE_NAMES = {
    "class": lambda c, a: c["model"]["layers"][0].update(class_name=LONG),
    "words": lambda c, a: c["model"]["layers"][0].update(class_name="x " * 30_000),
    "layer": lambda c, a: layer_config(c).update(name=LONG),
    "argument": lambda c, a: layer_config(c).update({LONG: 1}),
    "value": lambda c, a: layer_config(c).update(units=LONG),
    "array": lambda c, a: a.update({f"weights/{'x' * 9000}": X}),
    "arrays": lambda c, a: a.update({f"weights/{k}": X for k in range(2000)}),
    "optimiser": lambda c, a: c["compile"]["optimizer"].update(class_name=LONG),
    "loss": lambda c, a: c["compile"].update(loss=LONG),
    "class-names": lambda c, a: c["model"].update(class_names=LONG),
    "input-range": lambda c, a: c.update(input_range=LONG),
    "model": lambda c, a: c.update(model=LONG),
    "stream": lambda c, a: c["training"]["layers"].update({LONG: {}}),
}


@pytest.mark.parametrize("change", HOSTILE_NAMES.values(), ids=HOSTILE_NAMES)
def test_a_message_quotes_little_and_nothing_that_a_terminal_obeys(
    path, rewrite, change
):
    rewrite(change)
    with pytest.raises(ModelFileError) as caught:
        load_model(path)
    text = str(caught.value)
    assert len(text) < 2200 + len(str(path)) and "\x1b" not in text


@pytest.mark.parametrize("change, reason", CONTENTS.values(), ids=CONTENTS)
def test_contents_that_do_not_fit(path, rewrite, change, reason):
    rewrite(change)
    with pytest.raises(ModelFileError, match=reason) as caught:
        load_model(path)
    assert str(path) in str(caught.value)


def test_several_faults_are_told_at_once(path):
    other = Sequential([Dense(2, input_shape=(4,)), Dense(1)])
    before = other.get_weights()
    with pytest.raises(ModelFileError) as caught:
        other.load_weights(path)
    assert str(caught.value).endswith(
        "its weights do not fit: dense/kernel must be (4, 2), got (3, 2); "
        "dense_1/bias is missing; dense_1/kernel is missing"
    )
    for was, now in zip(before, other.get_weights(), strict=True):
        assert_array_equal(now, was)


@pytest.mark.parametrize(
    "change",
    [
        lambda c: layer_config(c).update(units=10**9),
        lambda c: layer_config(c).update(units=10**12),
        lambda c: layer_config(c).update(units=10**30),
        lambda c: c["model"].update(input_shape=[10**10]),
        lambda c: c["model"].update(input_shape=[10**9, 10**9]),
        lambda c: c["model"].update(input_shape=[1] * 10**5),
    ],
    ids=[
        "10^9-units",
        "10^12-units",
        "10^30-units",
        "10^10-inputs",
        "10^18-inputs",
        "10^5-axes",
    ],
)
def test_a_file_cannot_ask_for_more_memory_than_it_holds(path, rewrite, change):
    """Not a random number is drawn for what the file does not hold."""
    rewrite(lambda config, arrays: change(config))
    with pytest.raises(
        ModelFileError, match="expected|must|allocate|large|big|dimension|axes"
    ):
        load_model(path)
