"""Model files, whole and broken: nothing lost, nothing executed, a reason given."""

import io
import json
import os
import pickle
import re
import warnings
import zipfile

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sora_np import saving
from sora_np.initializers import Initializer
from sora_np.layers import BatchNormalization, Conv2D, Dense, Dropout, Flatten, Layer
from sora_np.losses import CategoricalCrossentropy, MeanSquaredError
from sora_np.metrics import BinaryAccuracy, MeanLoss
from sora_np.models import Sequential, load_model
from sora_np.optimizers import SGD, Adam
from sora_np.saving import ModelFileError

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
        with np.load(path) as members:
            arrays = dict(members)
        config = json.loads(arrays.pop("config.json").tobytes())
        change(config, arrays)
        text = json.dumps(config).encode()
        np.savez(path, **{"config.json": np.frombuffer(text, np.uint8), **arrays})

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


# --- what a file keeps --------------------------------------------------------


def test_round_trip_of_every_kind_of_layer(tmp_path, make_model, images, same_weights):
    layers = [
        Conv2D(2, (3, 2), (2, 1), "same", groups=1, input_shape=(8, 8, 1)),
        BatchNormalization(momentum=0.5, epsilon=0.01, center=False),
        Dropout(0.25, seed=3),
        Flatten(),
        Dense(3, "softmax", use_bias=False, kernel_initializer="he_normal", name="top"),
    ]
    model = Sequential(layers, name="mixed", seed=7, dtype="float64")
    model.layers[0].trainable = False
    model.compile(SGD(0.1, 0.9, nesterov=True), "sparse_categorical_crossentropy")
    model.fit(*images, verbose=0)
    model.save(tmp_path / "m.npz")
    again = load_model(tmp_path / "m.npz")
    assert again.get_config() == model.get_config()
    assert (again.name, again.seed, again.dtype) == ("mixed", 7, np.float64)
    assert not again.layers[0].trainable and again.layers[-1].name == "top"
    assert same_weights(model, again)
    assert all(
        a.flags.c_contiguous for layer in again.layers for a in layer.params.values()
    )
    assert_array_equal(
        model.predict(images[0], verbose=0), again.predict(images[0], verbose=0)
    )
    assert again.optimizer.get_config() == model.optimizer.get_config()
    assert again.optimizer.iterations == model.optimizer.iterations == 2
    for name, slot in model.optimizer.slots.items():
        assert_array_equal(again.optimizer.slots[name], slot)
    initial, fresh = (Sequential.from_config(m.get_config()) for m in (model, again))
    assert same_weights(initial, fresh), "its initialisers and seed came along, too"


def test_compilation_is_kept(tmp_path):
    model = Sequential([Dense(2, "softmax", input_shape=(3,))])
    loss = CategoricalCrossentropy(label_smoothing=0.1, reduction="sum", name="cost")
    measures = [
        *("accuracy", MeanLoss(MeanSquaredError(), "error")),
        BinaryAccuracy("sharp", threshold=0.9),
    ]
    model.compile(Adam(0.02, beta_1=0.8), loss, metrics=measures)
    model.save(tmp_path / "m.npz")
    again = load_model(tmp_path / "m.npz")
    assert again.metrics_names == ["loss", "accuracy", "error", "sharp"]
    y = np.eye(2)[Y]
    assert again.evaluate(X, y, verbose=0) == model.evaluate(X, y, verbose=0)
    again.optimizer.learning_rate = 0.5
    again.save(tmp_path / "m.npz")
    assert load_model(tmp_path / "m.npz").optimizer.learning_rate == 0.5


def test_model_that_was_not_compiled_or_not_built(tmp_path):
    model = Sequential([Dense(2, input_shape=(3,))])
    model.save(tmp_path / "m.npz")
    again = load_model(tmp_path / "m.npz")
    assert again.optimizer is None and again.built
    Sequential([Dense(2)]).save(tmp_path / "m.npz")
    assert not load_model(tmp_path / "m.npz").built


def test_without_its_compilation(path, model, same_weights):
    again = load_model(path, compile=False)
    assert again.optimizer is None and same_weights(model, again)


def test_file_has_the_modes_of_any_new_file(path, tmp_path):
    (tmp_path / "other").touch()
    assert path.stat().st_mode == (tmp_path / "other").stat().st_mode


def test_path_as_text_and_without_suffix(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model.save("mine")
    assert [p.name for p in tmp_path.iterdir()] == ["mine"]
    load_model("mine")


def test_weights_go_into_another_model_of_the_shapes(path, model, same_weights):
    other = Sequential([Dense(2, "sigmoid", input_shape=(3,))], dtype="float64")
    other.load_weights(path)
    assert_array_equal(other.get_weights()[0], model.get_weights()[0])
    assert other.get_weights()[0].dtype == np.float64


def test_skipped_mismatches_are_named(path, model):
    other = Sequential([Dense(2, input_shape=(3,)), Dense(1)])
    other.layers[0].params["bias"] = [5, 5]
    with pytest.warns(
        UserWarning, match="^not loaded: weights/dense_1/bias is missing"
    ):
        other.load_weights(path, skip_mismatch=True)
    assert_array_equal(other.layers[0].params["bias"], model.get_weights()[1])


def test_infinite_weights_load_with_a_warning(path, rewrite, tmp_path):
    def spoil(config, arrays):
        arrays["weights/dense/bias"][0] = np.nan

    rewrite(spoil)
    for load in (load_model, small().load_weights):
        with pytest.warns(UserWarning, match="weights/dense/bias holds NaN") as caught:
            load(path)
        assert caught[0].filename == __file__


# --- one's own classes --------------------------------------------------------


class Twice(Layer):
    def forward(self, x, *, training=False):
        return 2 * self._input(x)


class Sevens(Initializer):
    def __init__(self, number=7.0):
        self.number = number

    def __call__(self, rng, shape, dtype):
        return np.full(shape, self.number, dtype)


class Fourth(MeanSquaredError):
    def losses(self, y_true, y_pred):
        return super().losses(y_true, y_pred) ** 2


def test_registered_layer(tmp_path, monkeypatch):
    monkeypatch.setattr(saving, "LAYERS", dict(saving.LAYERS))
    assert saving.register(Twice) is Twice
    Sequential([Twice(input_shape=(2,))]).save(tmp_path / "m.npz")
    assert load_model(tmp_path / "m.npz")([[1, 2]]).tolist() == [[2, 4]]


def test_custom_objects(tmp_path):
    """Layers, initialisers, losses, optimisers and metrics of one's own."""

    class Slow(SGD):
        pass

    class Hits(BinaryAccuracy):
        pass

    model = Sequential([Twice(input_shape=(2,)), Dense(1, None, True, Sevens(8.0))])
    model.compile(Slow(0.5), Fourth(), metrics=[Hits()])
    model.save(tmp_path / "m.npz")
    own = {cls.__name__: cls for cls in (Twice, Sevens, Fourth, Slow, Hits)}
    for name in own:
        some = {key: cls for key, cls in own.items() if key != name}
        with pytest.raises(ModelFileError, match=f"unknown .* '{name}'"):
            load_model(tmp_path / "m.npz", some)
    again = load_model(tmp_path / "m.npz", own)
    assert again.layers[1].kernel_initializer.number == 8
    assert isinstance(again.optimizer, Slow) and isinstance(again.loss, Fourth)
    assert again.metrics_names == ["loss", "hits"]


def test_function_cannot_be_saved(tmp_path):
    """Said while the model is still there; no half file is left."""
    model = Sequential([Dense(1, None, True, lambda rng, shape, dtype: np.ones(shape))])
    model.build((None, 2))
    with pytest.raises(TypeError, match="cannot be written .*: use a class"):
        model.save(tmp_path / "m.npz")
    assert not list(tmp_path.iterdir())
    model.save_weights(tmp_path / "w.npz")


# --- what is no model file ----------------------------------------------------

ARCHIVE = io.BytesIO()
np.savez(ARCHIVE, x=X)
FOREIGN = {
    "empty": (b"", "it is no .npz archive"),
    "seven-bytes": (b"1234567", "it is no .npz archive"),
    "text": (b"weights = [1, 2, 3]\n" * 20, "it is no .npz archive"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(100), "it is no .npz archive"),
    "pickle": (pickle.dumps({"weights": [1]}), "it is no .npz archive"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(100), "it is no .npz archive"),
    "npy": (b"\x93NUMPY\x01\x00" + bytes(100), "it is no .npz archive"),
    "huge-header": (b"\xff" * 8 + b"{}", "it is no .npz archive"),
    "zip-start": (b"PK\3\4" + bytes(100), "not a zip file"),
    "other-npz": (ARCHIVE.getvalue(), "it has no entry 'config.json'"),
}


@pytest.mark.parametrize("content, reason", FOREIGN.values(), ids=FOREIGN)
def test_foreign_file(tmp_path, content, reason):
    path = tmp_path / "model.npz"
    path.write_bytes(content)
    refused(path, reason)


def test_directory(tmp_path):
    refused(tmp_path, "[Ii]s a directory")


def test_missing_file_is_another_error(tmp_path):
    path = tmp_path / "model.npz"
    for load in (load_model, small().load_weights):
        with pytest.raises(FileNotFoundError, match=re.escape(str(path))):
            load(path)


def test_truncated_anywhere(path):
    whole = path.read_bytes()
    model = small()
    before = model.get_weights()
    for end in range(0, len(whole), 7):
        path.write_bytes(whole[:end])
        for load in (load_model, model.load_weights):
            with pytest.raises(ModelFileError, match=re.escape(str(path))):
                load(path)
    for was, now in zip(before, model.get_weights(), strict=True):
        assert_array_equal(now, was)


@pytest.mark.parametrize("mask", [0xFF, 0x01])
def test_flipped_anywhere(path, mask):
    """A flip is noticed, or it was in nothing that matters, such as a date."""
    whole = path.read_bytes()
    expected = load_model(path)
    refusals = 0
    for k in range(0, len(whole), 11):
        flipped = bytearray(whole)
        flipped[k] ^= mask
        path.write_bytes(flipped)
        try:
            model = load_model(path)
        except ModelFileError as error:
            assert str(path) in str(error), k
            refusals += 1
            continue
        assert model.get_config() == expected.get_config(), k
        assert_array_equal(model.flat.values, expected.flat.values, err_msg=f"byte {k}")
        slots = model.optimizer.slots.items()
        for name, slot in slots:
            assert_array_equal(slot, expected.optimizer.slots[name], err_msg=f"{k}")
    assert refusals > len(whole) / 11 / 2


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
    "newer": (
        lambda c, a: c.update(format=2, written_by="7.0"),
        r"written by sora_np 7\.0 in format 2, this sora_np reads up to 1: upgrade",
    ),
    "no-format": (lambda c, a: c.pop("format"), "no entry 'format'"),
    "format-text": (lambda c, a: c.update(format="x"), "no readable model"),
    "no-model": (lambda c, a: c.pop("model"), "no entry 'model'"),
    "model-is-a-list": (lambda c, a: c.update(model=[1]), "no readable model"),
    "layers-is-a-number": (
        lambda c, a: c["model"].update(layers=3),
        "no readable model",
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
        r"weights/dense/bias is \(2,\), wanted \(5,\); .*kernel is \(3, 2\), wanted",
    ),
    "all-missing": (
        delete("weights/dense/kernel", "weights/dense/bias"),
        "bias is missing; weights/dense/kernel is missing",
    ),
    "extra": (
        lambda c, a: a.update({"weights/dense/gamma": X}),
        "weights/dense/gamma is unknown",
    ),
    "transposed": (
        lambda c, a: a.update({"weights/dense/kernel": np.zeros((2, 3), "f4")}),
        r"weights/dense/kernel is \(2, 3\), wanted \(3, 2\)",
    ),
    "integers": (
        lambda c, a: a.update({"weights/dense/bias": np.zeros(2, "i4")}),
        "weights/dense/bias holds int32, wanted floats",
    ),
    "text": (
        lambda c, a: a.update({"weights/dense/bias": np.array(["a", "b"])}),
        "weights/dense/bias holds <U1, wanted floats",
    ),
    "objects": (
        lambda c, a: a.update({"weights/dense/bias": np.array([print, 1], object)}),
        "allow_pickle=False",
    ),
    "no-slots": (delete("optimizer/m"), r"the optimiser's slots are \['v'\]"),
    "other-slots": (
        lambda c, a: a.update({"optimizer/m": np.zeros(3)}),
        r"optimizer/m is \(3,\), wanted \(8,\)",
    ),
}


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
        "its weights do not fit: weights/dense/kernel is (3, 2), wanted (4, 2); "
        "weights/dense_1/bias is missing; weights/dense_1/kernel is missing"
    )
    for was, now in zip(before, other.get_weights(), strict=True):
        assert_array_equal(now, was)


def test_deep_json(path, rewrite):
    with np.load(path) as members:
        arrays = dict(members)
    arrays["config.json"] = np.frombuffer(b"[" * 100_000 + b"]" * 100_000, np.uint8)
    np.savez(path, **arrays)
    refused(path, "no readable model")


@pytest.mark.parametrize(
    "change",
    [
        lambda c: layer_config(c).update(units=10**9),
        lambda c: layer_config(c).update(units=10**12),
        lambda c: layer_config(c).update(units=10**30),
        lambda c: c["model"].update(input_shape=[10**10]),
        lambda c: c["model"].update(input_shape=[10**9, 10**9]),
    ],
    ids=["10^9-units", "10^12-units", "10^30-units", "10^10-inputs", "10^18-inputs"],
)
def test_a_file_cannot_ask_for_more_memory_than_it_holds(path, rewrite, change):
    """Not a random number is drawn for what the file does not hold."""
    rewrite(lambda config, arrays: change(config))
    with pytest.raises(ModelFileError, match="wanted|allocate|large|big|dimension"):
        load_model(path)


def test_header_that_declares_a_giant(path):
    """128 bytes that claim to be 373 GiB."""
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (50000000000,), }"
    member = b"\x93NUMPY\x01\x00\x76\x00" + header.ljust(117) + b"\n"
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("weights/dense/gamma.npy", member)
    refused(path, "no readable model")


def test_two_members_of_one_name(path):
    with zipfile.ZipFile(path) as archive:
        content = archive.read("weights/dense/bias.npy")
    with zipfile.ZipFile(path, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        archive.writestr("weights/dense/bias.npy", content)
    refused(path, "two members of one name")


def test_nothing_is_executed(path, tmp_path):
    """A pickle inside the archive stays what it is."""

    class Payload:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "executed"),)

    for name in ("config.json.npy", "weights/dense/bias.npy", "more.npy"):
        with zipfile.ZipFile(path) as archive:
            members = {n: archive.read(n) for n in archive.namelist()}
        content = io.BytesIO()
        np.save(content, np.array([Payload()], object), allow_pickle=True)
        spoiled = path.with_name("spoiled.npz")
        with zipfile.ZipFile(spoiled, "w") as archive:
            for member, value in (members | {name: content.getvalue()}).items():
                archive.writestr(member, value)
        refused(spoiled, "allow_pickle=False")
    assert not (tmp_path / "executed").exists()


# --- writing ------------------------------------------------------------------


@pytest.mark.parametrize("error", [OSError("disk full"), KeyboardInterrupt()], ids=repr)
@pytest.mark.parametrize("function", ["numpy.savez", "os.fsync", "os.replace"])
def test_failing_write_leaves_the_old_file_and_nothing_else(
    path, model, monkeypatch, function, error
):
    content = path.read_bytes()

    def fail(file, *args, **options):
        if function == "numpy.savez":
            file.write(b"half")
        raise error

    monkeypatch.setattr(function, fail)
    for save in (model.save, model.save_weights):
        with pytest.raises(type(error)):
            save(path)
    assert path.read_bytes() == content
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    monkeypatch.undo()
    model.save(path)
    load_model(path)


def test_existing_file_is_replaced_or_kept(path, model):
    before = path.read_bytes()
    for save in (model.save, model.save_weights):
        with pytest.raises(FileExistsError, match="is there already: overwrite=True"):
            save(path, overwrite=False)
    assert path.read_bytes() == before
    model.fit(X, Y, verbose=0)
    model.save(path)
    assert path.read_bytes() != before
    assert load_model(path).optimizer.iterations == 2
    model.save(path.with_name("new.npz"), overwrite=False)


def test_folder_that_is_not_there(model, tmp_path):
    with pytest.raises(FileNotFoundError, match="no_folder"):
        model.save(tmp_path / "no_folder" / "m.npz")


def test_same_model_same_file(model, path):
    """But for the dates that a zip archive holds."""
    again = path.with_name("again.npz")
    load_model(path).save(again)
    with np.load(path) as first, np.load(again) as second:
        assert first.files == second.files
        for name in first.files:
            assert_array_equal(first[name], second[name], err_msg=name)
