"""What a model's file keeps: everything that predicting and training go on with."""

import copy
import io
import json
import pickle
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import sora_np
from sora_np import saving
from sora_np.initializers import Initializer
from sora_np.layers import (
    BatchNormalization,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GaussianNoise,
    Layer,
    Normalization,
    RandomFlip,
    RandomRotation,
    ReLU,
)
from sora_np.losses import CategoricalCrossentropy, MeanSquaredError
from sora_np.metrics import BinaryAccuracy, MeanLoss
from sora_np.models import Sequential, clone_model, load_model
from sora_np.optimizers import SGD, Adam, RMSprop
from sora_np.saving import ModelFileError, registry

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
    with pytest.warns(UserWarning, match="^not loaded: dense_1/bias is missing"):
        other.load_weights(path, skip_mismatch=True)
    assert_array_equal(other.layers[0].params["bias"], model.get_weights()[1])


def test_infinite_weights_load_with_a_warning(path, model, tmp_path):
    model.layers[0].params["bias"][0] = np.nan
    model.save(path)
    huge = Sequential([Dense(2, input_shape=(3,))], dtype="float64")
    huge.layers[0].params["kernel"][0] = 1e300  # infinite as float32
    huge.save(tmp_path / "huge.npz")
    text = "^NaN or infinity in the weights dense/"
    for load in (
        lambda: load_model(path),
        lambda: small().load_weights(path),
        lambda: small().load_weights(tmp_path / "huge.npz"),
    ):
        with pytest.warns(UserWarning, match=text) as caught:
            load()
        assert caught[0].filename == __file__


# --- one's own classes --------------------------------------------------------


class Twice(Layer):
    def forward(self, x, *, training=False):
        return 2 * self.check_input(x)


class Sevens(Initializer):
    def __init__(self, number=7.0):
        self.number = number

    def __call__(self, rng, shape, dtype):
        return np.full(shape, self.number, dtype)


class Fourth(MeanSquaredError):
    def losses(self, y_true, y_pred):
        return super().losses(y_true, y_pred) ** 2


def test_registered_classes(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "REGISTERED", {})
    model = Sequential([Twice(input_shape=(2,)), Dense(1, None, True, Sevens(8.0))])
    model.compile("sgd", Fourth())
    with pytest.warns(UserWarning) as caught:
        model.save(tmp_path / "m.npz")
    assert str(caught[0].message) == (
        "never registered, so the file will not load by itself: Fourth, Sevens, Twice. "
        "To load it give load_model custom_objects={'Fourth': Fourth, 'Sevens': Sevens,"
        " 'Twice': Twice}, or put @sora_np.saving.register above the class and import "
        "its module before loading (for sora-np: --import MODULE)"
    )
    assert len(caught) == 1 and caught[0].filename == __file__
    with pytest.raises(ModelFileError) as refused:
        load_model(tmp_path / "m.npz")
    assert str(refused.value) == (
        f"{tmp_path / 'm.npz'}: unknown layer 'Twice'. For a class of your own give "
        "load_model custom_objects={'Twice': Twice}, or put @sora_np.saving.register "
        "above the class and import its module before loading (for sora-np: "
        "--import MODULE)"
    )
    for cls in (Twice, Sevens, Fourth):
        assert saving.register(cls) is cls
    again = load_model(tmp_path / "m.npz")
    assert again([[1, 2]]).tolist() == model([[1, 2]]).tolist()
    assert isinstance(again.loss, Fourth)
    again.save(tmp_path / "m.npz")  # all are known now: no warning


def test_a_class_of_ones_own_with_a_name_of_ours(tmp_path):
    """The file would load, with another layer."""
    own = type("Dense", (Twice,), {"__module__": __name__})
    model = Sequential([own(input_shape=(2,))])
    with pytest.warns(UserWarning, match="would load with the Dense of sora_np"):
        model.save(tmp_path / "m.npz")
    again = load_model(tmp_path / "m.npz", {"Dense": own})
    assert again([[1, 2]]).tolist() == [[2, 4]]


def test_a_name_of_ours_cannot_be_registered():
    with pytest.raises(ValueError, match="Dense is a class of sora_np"):
        saving.register(type("Dense", (Layer,), {}))


def test_custom_objects(tmp_path):
    """Layers, initialisers, losses, optimisers and metrics of one's own."""

    class Slow(SGD):
        pass

    class Hits(BinaryAccuracy):
        pass

    model = Sequential([Twice(input_shape=(2,)), Dense(1, None, True, Sevens(8.0))])
    model.compile(Slow(0.5), Fourth(), metrics=[Hits()])
    names = "Fourth, Hits, Sevens, Slow, Twice"
    with pytest.warns(UserWarning, match=f"^never registered, .*: {names}"):
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


# --- going on -----------------------------------------------------------------


def everything(optimizer):
    """A model, trained a little, with all that draws random numbers or remembers."""
    scale = Normalization(input_shape=(8, 8, 1))
    layers = [
        *(scale, RandomRotation(0.1), RandomFlip(), GaussianNoise(0.1)),
        *(Conv2D(2, 3), BatchNormalization(), ReLU(), Flatten(), Dropout(0.3)),
        Dense(3, "softmax"),
    ]
    model = Sequential(layers, seed=5)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["acc"])
    return model


def go_on(model, images):
    """Train as fit does, and batch by batch, which draws from other streams."""
    model.fit(*images, batch_size=20, epochs=2, verbose=0)
    model.train_on_batch(images[0][:7], images[1][:7])


def load(model, path):
    model.save(path)
    return load_model(path)


WAYS = {
    "file": load,
    "pickle": lambda model, path: pickle.loads(pickle.dumps(model)),
    "deepcopy": lambda model, path: copy.deepcopy(model),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "optimizer",
    [
        lambda: Adam(0.01, amsgrad=True, use_ema=True),
        lambda: SGD(0.1, 0.9, True),
        RMSprop,
    ],
    ids=["adam", "sgd", "rmsprop"],
)
def test_training_goes_on_as_if_it_had_not_stopped(way, optimizer, images, tmp_path):
    model = everything(optimizer())
    model.layers[0].adapt(images[0])
    go_on(model, images)
    again = WAYS[way](model, tmp_path / "m.npz")
    assert again.metrics_names == model.metrics_names
    for m in (model, again):
        go_on(m, images)
    for a, b in zip(model.get_weights(), again.get_weights(), strict=True):
        assert_array_equal(a, b)


def test_what_it_was_compiled_with_and_the_names_of_classes(tmp_path):
    model = small()
    model.compile("sgd", "mse", fuse=False)
    model.class_names = ["left", "right"]
    again = load(model, tmp_path / "m.npz")
    assert again.class_names == ["left", "right"] and not again.runner.fuse


def test_without_the_optimisers_memory(tmp_path, same_weights):
    model = small()
    model.save(tmp_path / "m.npz", include_optimizer=False)
    again = load_model(tmp_path / "m.npz")
    assert again.optimizer.batches == 0 and not again.optimizer.slots
    assert same_weights(model, again)


def test_format_1():
    """A file that sora_np wrote before there was format 2, and what it held."""
    model = load_model(Path(__file__).with_name("format_1.npz"))
    x = np.linspace(0, 1, 16).reshape(1, 4, 4, 1)
    np.testing.assert_allclose(
        model.predict(x, verbose=0), [[0.49040648, 0.50959355]], rtol=1e-5
    )
    assert (model.name, model.seed, model.optimizer.batches) == ("old", 3, 6)
    assert model.class_names == ["left", "right"] and model.optimizer.beta_1 == 0.9
    assert_array_equal(
        model.optimizer.slots["m"][:3],
        np.float32([-0.24929662, 0.59808946, -0.18723372]),
    )


# --- copies -------------------------------------------------------------------


def test_clone(images):
    model = Sequential([Dense(2, "relu", True, Sevens(8.0), input_shape=(3,)), Twice()])
    fresh = model.get_weights()
    model.set_weights([w + 1 for w in fresh])
    clone = clone_model(model)
    assert clone.get_config() == model.get_config() and clone.optimizer is None
    for a, b in zip(fresh, clone.get_weights(), strict=True):
        assert_array_equal(a, b)


def test_copies_share_nothing(model):
    again = pickle.loads(pickle.dumps(model))
    for layer, other in zip(model.layers, again.layers, strict=True):
        for name in layer.params:
            assert not np.shares_memory(layer.params[name], other.params[name])
    assert again.layers[0].activation is model.layers[0].activation


def test_from_config_of_a_layer():
    layer = Dense(3, "relu", use_bias=False, name="mine")
    again = Dense.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()


def test_layers_of_one_name_are_not_written_over_one_another(tmp_path):
    model = Sequential([Dense(2, input_shape=(3,)), Dense(2)])
    model.layers[1].name = "dense"
    with pytest.raises(ValueError, match="two layers are named 'dense'"):
        model.save(tmp_path / "m.npz")


def test_the_file_is_a_plain_archive(path, model):
    """Anyone can read it with NumPy and JSON."""
    with zipfile.ZipFile(path) as archive:
        head = np.load(io.BytesIO(archive.read("config.json.npy")))
        bias = np.load(io.BytesIO(archive.read("weights/dense/bias.npy")))
    head = json.loads(head.tobytes())
    assert head["written_by"] == sora_np.__version__
    config = json.loads(json.dumps(model.get_config()))  # tuples are lists there
    assert head["config"]["model"] == config
    assert_array_equal(bias, model.layers[0].params["bias"])


# --- writing ------------------------------------------------------------------


def test_existing_file_is_replaced_or_kept(path, model):
    before = path.read_bytes()
    for save in (model.save, model.save_weights):
        with pytest.raises(FileExistsError, match="exists already: overwrite=True"):
            save(path, overwrite=False)
    assert path.read_bytes() == before
    model.fit(X, Y, verbose=0)
    model.save(path)
    assert path.read_bytes() != before
    assert load_model(path).optimizer.iterations == 2
    model.save(path.with_name("new.npz"), overwrite=False)


def test_missing_folders_are_made(model, tmp_path):
    model.save(tmp_path / "a" / "b" / "m.npz")
    model.save_weights(tmp_path / "c" / "w.npz")
    model.save_weights(tmp_path / "d" / "w.safetensors")
    load_model(tmp_path / "a" / "b" / "m.npz").load_weights(tmp_path / "c" / "w.npz")


def test_a_whole_model_does_not_fit_in_a_file_of_weights(model, tmp_path):
    with pytest.raises(ValueError, match="only weights: use model.save_weights"):
        model.save(tmp_path / "m.safetensors")
    assert not list(tmp_path.iterdir())


# --- names of classes and of layers ---------------------------------------------


@pytest.mark.parametrize(
    "names, expected",
    [
        (np.unique(["b", "a", "b"]), ["a", "b"]),
        (("a", "b"), ["a", "b"]),
        ([0, np.int64(1)], ["0", "1"]),
        (np.arange(2), ["0", "1"]),
        ([np.str_("é"), "Ё"], ["é", "Ё"]),
        (None, None),
    ],
    ids=["unique", "tuple", "ints", "arange", "unicode", "none"],
)
def test_names_of_classes_become_strings(names, expected, model, tmp_path):
    model.class_names = names
    assert model.class_names == expected
    assert load(model, tmp_path / "m.npz").class_names == expected


@pytest.mark.parametrize(
    "names, text",
    [
        ({0: "a", 1: "b"}, r"got dict: list\(class_names.values\(\)\)"),
        ({"a", "b"}, "got set"),
        ("ab", "got str"),
        ([1.5, "b"], "got 1.5 at position 0"),
        (["a", None], "got None at position 1"),
        (np.eye(2), "at position 0"),
        (3, "got int"),
    ],
    ids=["dict", "set", "string", "float", "none", "matrix", "number"],
)
def test_other_names_of_classes_are_refused_at_once(names, text, model):
    model.class_names = ["left", "right"]
    with pytest.raises(TypeError, match=f"^class_names must be a list of str.*{text}"):
        model.class_names = names
    assert model.class_names == ["left", "right"]


def test_names_of_classes_from_pandas(model):
    pandas = pytest.importorskip("pandas")
    model.class_names = pandas.Series(["b", "a"]).astype("category").cat.categories
    assert model.class_names == ["a", "b"]


NAMES = ["a/b", "a.c", "a.b/c", "слой", "层", "Dense", "dense", "%2e", "x" * 1000]


@pytest.mark.parametrize("suffix", [".npz", ".safetensors"])
def test_names_of_layers_come_back(suffix, tmp_path, same_weights):
    layers = [Dense(2, name=name) for name in NAMES]
    model = Sequential([Dense(2, input_shape=(3,), name="first"), *layers], seed=1)
    model.save_weights(tmp_path / f"w{suffix}")
    other = Sequential.from_config(model.get_config() | {"seed": 2})
    other.load_weights(tmp_path / f"w{suffix}")
    assert same_weights(model, other)
    model.save(tmp_path / "m.npz")
    assert [la.name for la in load_model(tmp_path / "m.npz").layers[1:]] == NAMES


def test_names_that_are_one_with_dots_are_refused(tmp_path):
    model = Sequential([Dense(1, name=name) for name in ("a.b", "a/b")])
    model.build((None, 1))
    with pytest.raises(ValueError, match="have the same name with dots"):
        model.save_weights(tmp_path / "w.safetensors")
    model.save_weights(tmp_path / "w.npz")


@pytest.mark.parametrize(
    "name",
    ["", "..", "a/../b", "/a", "a/", "a\\b", "a\0b", "\ud800", "x" * 1001],
    ids=repr,
)
def test_a_name_that_no_file_can_hold_is_refused_when_it_is_given(name):
    with pytest.raises(ValueError, match="^name must be 1 to 1000 characters that a f"):
        Dense(1, name=name)


def test_many_layers_cost_time_in_proportion(tmp_path):
    """A file with 10,000 layers took 104 s: each was looked for in all.

    Then 3,000 would take 9 s, and not 1 or 2.
    """
    start = time.process_time()
    model = Sequential([ReLU(input_shape=(1,)), *(Dropout(0.5) for _ in range(2999))])
    load(model, tmp_path / "m.npz")
    assert time.process_time() - start < 6
    assert model.layers[-1].name == "dropout_2998"


def test_same_model_same_file(model, path):
    """But for the dates that a zip archive holds."""
    again = path.with_name("again.npz")
    load_model(path).save(again)
    with np.load(path) as first, np.load(again) as second:
        assert first.files == second.files
        for name in first.files:
            assert_array_equal(first[name], second[name], err_msg=name)


NO_LAYERS = dict.fromkeys(["name", "seed", "dtype", "input_shape", "layers"])


@pytest.mark.parametrize("config", [{}, None, {"layers": []}, [1], NO_LAYERS], ids=str)
def test_what_is_no_configuration_is_refused_by_name(config):
    message = "with the keys dtype, input_shape, layers, name, seed"
    with pytest.raises(ValueError, match=message):
        Sequential.from_config(config)


def test_only_a_model_is_cloned():
    with pytest.raises(TypeError, match="^clone_model expects a model, got 3$"):
        clone_model(3)
