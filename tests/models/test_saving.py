import io
import json
import pickle
import zipfile

import numpy as np
import pytest

import sora_np
from sora_np import saving
from sora_np.layers import BatchNormalization, Conv2D, Dense, Flatten, Layer
from sora_np.models import Sequential, load_model
from sora_np.optimizers import SGD, Adam
from sora_np.saving import ModelFileError

X = np.random.default_rng(0).random((12, 5, 5, 1)).astype(np.float32)
Y = np.arange(12) % 3


def trained(optimizer="adam"):
    model = Sequential(
        [
            Conv2D(2, 3, activation="relu", input_shape=(5, 5, 1)),
            BatchNormalization(),
            Flatten(),
            Dense(3, "softmax", kernel_initializer="he_normal"),
        ],
        name="small",
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["acc"])
    model.fit(X, Y, batch_size=5, verbose=0)
    return model


@pytest.fixture
def saved(tmp_path):
    model = trained()
    model.class_names = ["a", "b", "c"]
    path = tmp_path / "model.npz"
    model.save(path)
    return model, path


@pytest.mark.parametrize(
    "optimizer", [Adam(0.01, amsgrad=True), SGD(0.1, 0.9, True), "rmsprop"], ids=repr
)
def test_training_goes_on_as_if_it_had_not_stopped(optimizer, tmp_path):
    model = trained(optimizer)
    model.save(tmp_path / "model.npz")
    again = load_model(tmp_path / "model.npz")
    assert again.get_config() == model.get_config()
    assert again.metrics_names == ["loss", "acc"]
    for m in (model, again):
        m.fit(X, Y, batch_size=4, shuffle=False, verbose=0)
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_names_of_classes_are_kept(saved):
    assert load_model(saved[1]).class_names == ["a", "b", "c"]


def test_weights_alone(saved, tmp_path):
    model, path = saved
    model.save_weights(tmp_path / "w.npz")
    for file in (path, tmp_path / "w.npz"):
        fresh = Sequential.from_config(model.get_config())
        fresh.load_weights(file)
        for a, b in zip(model.get_weights(), fresh.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


def test_ones_own_layer(tmp_path):
    class Twice(Layer):
        def forward(self, x, *, training=False):
            return 2 * self._input(x)

    model = Sequential([Twice(input_shape=(2,))])
    path = tmp_path / "m.npz"
    model.save(path)
    with pytest.raises(ModelFileError, match="unknown layer 'Twice'"):
        load_model(path)
    assert load_model(path, {"Twice": Twice})([[1, 2]]).tolist() == [[2, 4]]


def test_a_missing_file():
    with pytest.raises(FileNotFoundError):
        load_model("/no/such/model.npz")


FOREIGN = {
    "empty": b"",
    "seven-bytes": b"1234567",
    "text": b"weights = [1, 2, 3]\n" * 20,
    "png": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "pickle": pickle.dumps({"weights": [1, 2]}),
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_foreign_files(content, tmp_path):
    path = tmp_path / "model.npz"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="model.npz"):
        load_model(path)


def test_truncated_and_damaged_files_change_nothing(saved, tmp_path):
    model, path = saved
    whole = path.read_bytes()
    before = model.get_weights()
    bad = tmp_path / "bad.npz"
    damaged = [whole[:k] for k in range(0, len(whole), 211)]
    for k in range(60, len(whole), 307):
        flipped = bytearray(whole)
        flipped[k] ^= 0x55
        damaged.append(bytes(flipped))
    refused = 0
    for content in damaged:
        bad.write_bytes(content)
        try:
            model.load_weights(bad)
        except ModelFileError:
            refused += 1
        for a, b in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    assert refused > 0.9 * len(damaged)  # a flip of a date or the like is harmless


def rewritten(path, change):
    """Write the file anew with another configuration."""
    with np.load(path) as members:
        arrays = dict(members)
    config = json.loads(arrays["config.json"].tobytes())
    change(config, arrays)
    arrays["config.json"] = np.frombuffer(json.dumps(config).encode(), np.uint8)
    np.savez(path, **arrays)


def unknown_class(config, arrays):
    config["model"]["layers"][0]["class_name"] = "system"


def unknown_argument(config, arrays):
    config["model"]["layers"][0]["config"]["colour"] = 1


def newer(config, arrays):
    config["format"], config["written_by"] = 99, "7.0"


def missing(config, arrays):
    del arrays["weights/conv2d/bias"]


def other_shape(config, arrays):
    arrays["weights/dense/bias"] = np.zeros(7)


def no_model(config, arrays):
    del config["model"]


def python_objects(config, arrays):
    arrays["weights/dense/bias"] = np.array([print, print, print], object)


@pytest.mark.parametrize(
    "change, text",
    [
        (unknown_class, "unknown layer 'system'"),
        (unknown_argument, "colour"),
        (newer, "written by sora_np 7.0 in format 99"),
        (missing, "weights/conv2d/bias is missing"),
        (other_shape, r"weights/dense/bias is \(7,\), wanted \(3,\)"),
        (no_model, "no entry 'model'"),
        (python_objects, "allow_pickle"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_hostile_contents(saved, change, text):
    _, path = saved
    rewritten(path, change)
    with pytest.raises(ModelFileError, match=text):
        load_model(path)


def test_overwrite(saved):
    model, path = saved
    content = path.read_bytes()
    with pytest.raises(FileExistsError, match="overwrite=True"):
        model.save(path, overwrite=False)
    assert path.read_bytes() == content


@pytest.mark.parametrize("function", ["os.replace", "os.fsync"])
def test_a_failing_write_leaves_the_old_file(saved, monkeypatch, function):
    model, path = saved
    content = path.read_bytes()

    def fail(*args):
        raise OSError("disk full")

    monkeypatch.setattr(function, fail)
    with pytest.raises(OSError, match="disk full"):
        model.save(path)
    assert path.read_bytes() == content
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_the_file_is_a_plain_archive(saved):
    """Anyone can read it with NumPy and JSON."""
    _, path = saved
    with zipfile.ZipFile(path) as archive:
        config = np.load(io.BytesIO(archive.read("config.json.npy")))
    config = json.loads(config.tobytes())
    assert config["format"] == saving.FORMAT
    assert config["written_by"] == sora_np.__version__
