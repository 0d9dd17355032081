"""``sora_np.keras``: the same objects under Keras's paths; utilities and backend."""

import importlib
import random
import runpy
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import sora_np
from sora_np import keras
from sora_np.keras import backend, layers, optimizers, utils
from sora_np.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from sora_np.models import Model, Sequential
from sora_np.saving import registry

ROOT = Path(__file__).parents[2]


def test_importing_sora_np_does_not_import_it():
    program = (
        "import sys, sora_np\n"
        "assert not any(m.startswith('sora_np.keras') for m in sys.modules)\n"
        "assert 'scipy.special' not in sys.modules\n"  # a tenth of a second
        "assert sora_np.keras.layers.Dense is sora_np.layers.Dense\n"
        "import sora_np as tf\n"
        "tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(2)])\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


MODULES = (
    "layers models optimizers optimizers.schedules optimizers.legacy losses metrics "
    "activations initializers regularizers constraints callbacks utils applications"
).split()


@pytest.mark.parametrize("name", MODULES)
def test_the_same_objects(name):
    here = importlib.import_module(f"sora_np.keras.{name}")
    there = importlib.import_module(f"sora_np.{name.removesuffix('.legacy')}")
    names = getattr(there, "__all__", None) or [
        name
        for name, value in vars(there).items()
        if name[0] != "_"
        and getattr(value, "__module__", "") == there.__name__
        and name not in ("fans", "Activation")
    ]
    other = {"Convolution2D", "load_img", "plot_model"}  # with arguments as in Keras
    for name in set(names) - other:
        assert getattr(here, name) is getattr(there, name), name


@pytest.mark.parametrize("name", sora_np.datasets.__all__)
def test_data_sets(name):
    found = importlib.import_module(f"sora_np.keras.datasets.{name}")
    assert found is getattr(sora_np.datasets, name)


def test_the_page_of_names_is_true():
    """python tests/keras_names/write_names.py writes it anew."""
    script = runpy.run_path(str(ROOT / "tests/keras_names/write_names.py"))
    assert script["PAGE"].read_text() == script["page"]()
    assert "sora_np/keras/NAMES.md" in (ROOT / "README.md").read_text()
    found = dict(script["names"]())
    assert len(found["layers"]) == 175 and "Conv2D" in found["layers"]


# --- arguments of all layers ----------------------------------------------------------

SHAPES = {
    "input_dim": ({"input_dim": 5}, (5,)),
    "length": ({"input_dim": 5, "input_length": 7}, (7, 5)),
    "number": ({"input_shape": 5}, (5,)),
    "batch": ({"batch_input_shape": (None, 7, 5)}, (7, 5)),
    "batch of 3": ({"batch_shape": (3, 5)}, (5,)),
    "dtype": ({"input_shape": (5,), "dtype": "float32"}, (5,)),
    "numpy's": ({"input_shape": (5,), "dtype": np.float32}, (5,)),
    "none": ({"input_shape": (5,), "activity_regularizer": None}, (5,)),
}


@pytest.mark.parametrize("options, shape", SHAPES.values(), ids=SHAPES)
def test_shapes_in_other_words(options, shape):
    layer = Dense(4, **options)
    assert layer.declared_shape == shape
    assert Dense.from_config(layer.get_config()).units == 4
    assert Sequential([layer]).built


def takes_data_format():
    names = runpy.run_path(str(ROOT / "tests/keras_names/write_names.py"))["names"]()
    for name in dict(names)["layers"]:
        cls = getattr(sora_np.layers, name, None)
        if cls is not None and name in WITH_DATA_FORMAT:
            yield name


WITH_DATA_FORMAT = """
    AveragePooling1D AveragePooling2D AvgPool1D AvgPool2D CenterCrop Conv1D
    Conv1DTranspose Conv2D Conv2DTranspose Convolution1D Convolution1DTranspose
    Convolution2D Convolution2DTranspose Cropping2D DepthwiseConv1D DepthwiseConv2D
    Flatten GlobalAveragePooling1D GlobalAveragePooling2D GlobalAvgPool1D
    GlobalAvgPool2D GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPooling1D
    GlobalMaxPooling2D MaxPool1D MaxPool2D MaxPooling1D MaxPooling2D RandomCrop
    RandomErasing RandomFlip RandomRotation RandomShear RandomTranslation RandomZoom
    Resizing SeparableConv1D SeparableConv2D SeparableConvolution1D
    SeparableConvolution2D SpatialDropout2D UpSampling2D ZeroPadding1D ZeroPadding2D
""".split()  # of Keras 3.15.1 by inspect.signature
NEEDED = {  # arguments of a layer
    **dict.fromkeys(("CenterCrop", "Resizing", "RandomCrop"), (4, 4)),
    **dict.fromkeys(("RandomZoom", "RandomRotation"), (0.1,)),
    "RandomTranslation": (0.1, 0.1),
    "SpatialDropout2D": (0.1,),
    **dict.fromkeys(("AveragePooling1D", "AveragePooling2D"), (2,)),
    **dict.fromkeys(("AvgPool1D", "AvgPool2D", "MaxPooling1D", "MaxPool1D"), (2,)),
    **dict.fromkeys(("DepthwiseConv1D", "DepthwiseConv2D"), (3,)),
}


@pytest.mark.parametrize("name", [*takes_data_format()])
def test_data_format(name):
    cls = getattr(sora_np.layers, name)
    given = NEEDED.get(name, (4, 3) if "Conv" in name else ())
    for data_format in (None, "channels_last"):
        assert cls(*given, data_format=data_format).get_config() == (
            cls(*given).get_config()
        )
    if name.startswith("Random"):
        with pytest.raises(ValueError, match=r"channels_last.*Permute"):
            cls(*given, data_format="channels_first")
    else:
        layer = cls(*given, data_format="channels_first")
        assert layer.get_config()["data_format"] == "channels_first"


@pytest.mark.parametrize("cls, given", [(Dense, (2,)), (Dropout, (0.1,))])
def test_data_format_where_keras_has_none(cls, given):
    with pytest.raises(TypeError, match="data_format"):
        cls(*given, data_format="channels_last")


def test_wrong_words():
    with pytest.raises(ValueError, match="give the dtype to the model"):
        Dense(2, dtype="float64")
    with pytest.raises(TypeError, match="batch_input_shape must be a tuple"):
        Dense(2, batch_input_shape=3)
    with pytest.raises(ValueError, match="regularizer"):
        Dense(2, activity_regularizer="l3")


def test_a_layer_of_ones_own_takes_them_too():
    class Mine(Dense):
        def __init__(self, units, **options):
            super().__init__(2 * units, **options)

    class Plain(sora_np.layers.Layer):
        def __init__(self, **options):
            super().__init__(**options)

    assert Mine(2, input_dim=3).declared_shape == (3,)
    assert Plain(input_dim=3, dtype="float32").declared_shape == (3,)


# --- weights and the learning rate ----------------------------------------------------


def test_weights_of_a_layer():
    layer = Dense(2, input_shape=(3,))
    assert layer.weights == []
    model = Sequential([layer, layers.BatchNormalization(), Dense(1)])
    assert [w.path for w in model.weights[:4]] == [
        *("dense/kernel", "dense/bias", "batch_normalization/gamma"),
        "batch_normalization/beta",
    ]
    assert layer.kernel.shape == (3, 2) and layer.bias.name == "bias"
    layer.kernel.assign(np.ones((3, 2)))
    assert layer.params["kernel"].sum() == 6
    assert type(layer.kernel.numpy()) is np.ndarray
    layer.kernel.numpy()[...] = 5
    assert layer.kernel.max() == 1
    assert len(model.trainable_weights) == 6 and len(model.weights) == 8
    names = [w.name for w in model.non_trainable_weights]
    assert names == ["moving_mean", "moving_variance"]
    layer.trainable = False
    assert len(model.trainable_variables) == 4 and layer.trainable_weights == []
    assert sum(w.size for w in model.variables) == model.count_params()
    for thing in (layer, model):
        with pytest.raises(AttributeError, match="set_weights"):
            thing.weights = []
    with pytest.raises(ValueError, match=r"dense/kernel must have shape \(3, 2\)"):
        layer.kernel.assign(np.ones(2))
    with pytest.raises(AttributeError, match="no attribute 'gamma'"):
        _ = layer.gamma


def test_weights_that_are_not_made_yet():
    layer = Dense(2)
    layer(keras.Input((3,)))
    with pytest.raises(RuntimeError, match="no weights yet"):
        _ = layer.weights


def test_learning_rate():
    sgd = optimizers.SGD(0.5)
    rate = sgd.learning_rate
    rate.assign(rate * 0.1)
    assert sgd.learning_rate == backend.get_value(sgd.learning_rate) == 0.05
    backend.set_value(sgd.learning_rate, 0.25)
    assert sgd.learning_rate.numpy() == 0.25 and isinstance(rate, float)
    assert f"{sgd.learning_rate:.2f} {sgd.learning_rate!r}" == "0.25 0.25"
    with pytest.raises(ValueError, match="learning_rate"):
        sgd.learning_rate.assign(-1)
    follows = optimizers.SGD(optimizers.schedules.PolynomialDecay(1.0, 10))
    with pytest.raises(TypeError, match="follows PolynomialDecay"):
        follows.learning_rate.assign(0.1)


def test_values():
    model = Sequential([Dense(2, input_shape=(3,))])
    backend.set_value(model.layers[0].bias, [1, 2])
    assert backend.get_value(model.weights[1]).tolist() == [1, 2]
    with pytest.raises(TypeError, match="got ndarray"):
        backend.set_value(np.zeros(2), 1)


SCHEDULES = {  # Keras 3.15.1's at the steps 0, 3, 10, 25
    "inverse": (
        lambda: optimizers.schedules.InverseTimeDecay(0.5, 4, 0.3),
        [0.5, 0.4081632653061224, 0.2857142857142857, 0.17391304347826086],
    ),
    "inverse in steps": (
        lambda: optimizers.schedules.InverseTimeDecay(0.5, 4, 0.3, staircase=True),
        [0.5, 0.5, 0.3125, 0.17857142857142858],
    ),
    "polynomial": (
        lambda: optimizers.schedules.PolynomialDecay(0.5, 12, 0.02, 1.5),
        [0.5, 0.3317691, 0.052659863, 0.02],
    ),
    "polynomial in cycles": (
        lambda: optimizers.schedules.PolynomialDecay(0.5, 12, 0.02, 1.5, cycle=True),
        [0.5, 0.3317691, 0.052659863, 0.10107305043090979],
    ),
}


@pytest.mark.parametrize("make, expected", SCHEDULES.values(), ids=SCHEDULES)
def test_schedules(make, expected):
    schedule = make()
    np.testing.assert_allclose([schedule(s) for s in (0, 3, 10, 25)], expected, 1e-6)
    again = optimizers.schedules.get(
        {"class_name": type(schedule).__name__, "config": schedule.get_config()}
    )
    assert again(7) == schedule(7)


# --- what compile, fit and the like take ----------------------------------------------


def test_what_changes_nothing():
    x, y = np.random.default_rng(0).normal(size=(12, 3)), np.arange(12) % 2
    kinds = [
        {},
        {"weighted_metrics": [], "run_eagerly": True, "steps_per_execution": 4},
        {"jit_compile": False, "auto_scale_loss": True},
    ]
    losses = []
    for options in kinds:
        model = Sequential([Dense(2, "softmax", input_shape=(3,))])
        model.compile("sgd", ["sparse_categorical_crossentropy"], **options)
        losses.append(model.fit(x, y, verbose=0, steps_per_epoch=2, batch_size=4))
        model.reset_metrics()
        assert np.array_equal(
            model.predict(x, callbacks=[keras.callbacks.Callback()], verbose=0),
            model.predict_on_batch(x),
        )
    assert losses[0].history == losses[1].history == losses[2].history
    with pytest.raises(TypeError, match="callbacks must be"):
        model.predict(x, callbacks=[3])


@pytest.mark.parametrize("graph", [False, True], ids=["row", "graph"])
def test_lists_of_one(graph):
    """Of one input and one output a list with an array, a loss and metrics is its one.

    What has as many axes as a sample stays a list of samples.
    """
    x, y = np.random.default_rng(0).normal(size=(12, 3)), np.arange(12) % 2
    found = []
    for wrap in (lambda a: a, lambda a: [a], lambda a: (a,)):
        model = Sequential([Dense(2, "softmax", input_shape=(3,))])
        if graph:
            model = Model(model.input, model.output)
        loss = wrap("sparse_categorical_crossentropy")
        model.compile("sgd", loss, metrics=wrap(["acc"]))
        history = model.fit(wrap(x), wrap(y), verbose=0, validation_split=0.25)
        found.append([history.history, model.predict(wrap(x), verbose=0).tolist()])
    assert found[0] == found[1] == found[2] and "val_acc" in found[0][0]
    assert model.predict([x[0]], verbose=0).shape == (1, 2)


def test_input_layers():
    for options in ({"input_shape": (3,)}, {"shape": (3,)}, {"batch_shape": (None, 3)}):
        assert Sequential([layers.InputLayer(**options), Dense(2)]).count_params() == 8


def test_summary(capsys):
    inner = Sequential([Dense(2, input_shape=(3,))], name="inner")
    inner.trainable = False
    Sequential([inner, Dense(4)]).summary(expand_nested=True, show_trainable=True)
    text = capsys.readouterr().out
    rows = [line.split("│")[1:-1] for line in text.splitlines() if "(None" in line]
    assert [[cell.strip() for cell in row] for row in rows] == [
        ["inner (Sequential)", "(None, 2)", "8", "N"],
        ["> dense (Dense)", "(None, 2)", "8", "N"],
        ["dense (Dense)", "(None, 4)", "12", "Y"],
    ]


def test_json():
    model = Sequential(
        [Conv2D(2, 3, input_shape=(6, 6, 1)), MaxPooling2D(), Flatten(), Dense(2)]
    )
    graph = Model(model.inputs, model.outputs)
    for one in (model, graph):
        again = keras.models.model_from_json(one.to_json(indent=1))
        assert again.get_config() == one.get_config()
    for text in ("{", "[]", '{"config": 3}', None):
        with pytest.raises(ValueError):
            keras.models.model_from_json(text)


def test_saved(tmp_path):
    model = Sequential([Dense(2, input_shape=(3,))])
    keras.models.save_model(model, tmp_path / "m.npz")
    again = keras.saving.load_model(tmp_path / "m.npz")
    assert np.array_equal(again.layers[0].kernel, model.layers[0].kernel)


# --- backend and utils ----------------------------------------------------------------


def test_backend():
    backend.clear_session()
    backend.set_image_data_format("channels_last")
    backend.set_floatx("float32")
    assert backend.image_data_format() == "channels_last"
    assert (backend.epsilon(), backend.floatx()) == (1e-7, "float32")
    with pytest.raises(ValueError, match="moveaxis"):
        backend.set_image_data_format("channels_first")
    with pytest.raises(ValueError, match='dtype="float64"'):
        backend.set_floatx("float64")


def test_random_seed():
    utils.set_random_seed(7)
    first = np.random.rand(), random.random()  # noqa: NPY002
    utils.set_random_seed(7)
    assert first == (np.random.rand(), random.random())  # noqa: NPY002
    for seed in (-1, 2**32):
        with pytest.raises(ValueError, match="seed"):
            utils.set_random_seed(seed)


def test_normalize():
    x = np.array([[3, 4], [0, 0], [-6, 8]])
    assert utils.normalize(x).tolist() == [[0.6, 0.8], [0, 0], [-0.6, 0.8]]
    assert utils.normalize(x, axis=0, order=1)[:, 0].tolist() == [1 / 3, 0, -2 / 3]
    assert utils.normalize(x.astype(np.float32)).dtype == np.float32


def test_pictures(tmp_path):
    pytest.importorskip("PIL")
    x = np.arange(24 * 3, dtype=np.float32).reshape(4, 6, 3)
    path = tmp_path / "a.png"
    utils.save_img(path, x, scale=False)
    image = utils.load_img(path)
    assert image.size == (6, 4)
    assert np.array_equal(utils.img_to_array(image), x)
    grey = utils.img_to_array(utils.load_img(path, color_mode="grayscale"))
    assert grey.shape == (4, 6, 1)
    small = utils.load_img(path, target_size=(2, 3))
    assert utils.img_to_array(small, dtype="uint8").shape == (2, 3, 3)
    cut = utils.load_img(path, target_size=(2, 2), keep_aspect_ratio=True)
    assert np.array_equal(  # the middle, columns 1..4; every second pixel of it
        utils.img_to_array(cut), x[1::2, 2:5:2]
    )
    scaled = utils.img_to_array(utils.array_to_img(x))
    assert (scaled.min(), scaled.max()) == (0, 255)
    for wrong in (x[0], x[..., :2], x[:0]):
        with pytest.raises(ValueError, match="a picture must have"):
            utils.array_to_img(wrong)
    with pytest.raises(ValueError, match="channels_last"):
        utils.img_to_array(image, data_format="channels_first")
    with pytest.raises(ValueError, match="color_mode must be one of"):
        utils.load_img(path, color_mode="bgr")
    with pytest.raises(ValueError, match="numbers must lie in"):
        utils.array_to_img(x * 10, scale=False)


def test_get_file(tmp_path):
    source = tmp_path / "data.bin"
    source.write_bytes(b"hello")
    origin, folder = source.as_uri(), tmp_path / "cache"
    sha = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    with pytest.warns(UserWarning, match=f"not verified.*{sha}"):
        path = utils.get_file(None, origin, cache_dir=folder)
    assert Path(path) == folder / "datasets" / "data.bin"
    assert Path(path).read_bytes() == b"hello"
    source.write_bytes(b"other")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert utils.get_file("data.bin", origin, file_hash=sha, cache_dir=folder)
    md5 = "795f3202b17cb6bc3d4b771d8c6c9eaf"  # of "other"
    with pytest.warns(UserWarning, match="downloading the file again"):
        utils.get_file("data.bin", origin, md5_hash=md5, cache_dir=folder)
    assert Path(path).read_bytes() == b"other"
    with pytest.raises(ValueError, match="its sha256 is"):
        utils.get_file("new", origin, file_hash=sha, cache_dir=folder)
    assert [p.name for p in (folder / "datasets").iterdir()] == ["data.bin"]
    for wrong, text in (
        ({"fname": "../x"}, "within the cache"),
        ({"extract": True}, "unpack_archive"),
        ({"file_hash": "abc"}, "64 hexadecimal digits"),
        ({"file_hash": sha, "hash_algorithm": "md5"}, "64 hexadecimal digits"),
        ({"origin": "ftp://host/x"}, "origin must be"),
    ):
        with pytest.raises(ValueError, match=text):
            utils.get_file(**({"origin": origin, "cache_dir": folder} | wrong))


def test_plot_model(tmp_path):
    pytest.importorskip("matplotlib")
    model = Sequential([Dense(2, input_shape=(3,))])
    utils.plot_model(model, tmp_path / "m.png", show_shapes=True)
    assert (tmp_path / "m.png").stat().st_size > 1000
    with pytest.warns(UserWarning, match="show_dtype"):
        utils.plot_model(model, tmp_path / "m.png", show_dtype=True)


def test_registered(monkeypatch):
    monkeypatch.setattr(registry, "REGISTERED", {})

    @keras.saving.register_keras_serializable(package="mine")
    class Twice(sora_np.layers.Layer):
        def forward(self, x, *, training=False):
            return 2 * self._input(x)

    model = Sequential([Twice(input_shape=(3,))])
    assert keras.models.model_from_json(model.to_json()).layers[0].name == "twice"


def test_preprocessing():
    from sora_np.keras.preprocessing.image import ImageDataGenerator, load_img
    from sora_np.keras.preprocessing.sequence import pad_sequences

    there = sora_np.preprocessing
    assert ImageDataGenerator is there.image.ImageDataGenerator
    assert load_img is utils.load_img and pad_sequences is there.sequence.pad_sequences


@pytest.mark.parametrize(
    "args, options, mode",
    [
        ((), {"grayscale": True}, "L"),
        ((), {"grayscale": False}, "RGB"),
        ((), {"grayscale": False, "color_mode": "grayscale"}, "L"),
        ((True,), {"target_size": (2, 3)}, "L"),
        ((False,), {}, "RGB"),
    ],
)
def test_load_img_of_keras_2(args, options, mode, tmp_path):
    """Whose second argument was grayscale, before color_mode."""
    image = pytest.importorskip("PIL.Image")
    image.fromarray(np.zeros((4, 5, 3), np.uint8)).save(tmp_path / "a.png")
    for load in (utils.load_img, keras.preprocessing.image.load_img):
        with pytest.warns(DeprecationWarning, match='write color_mode="grayscale"'):
            picture = load(tmp_path / "a.png", *args, **options)
        assert picture.mode == mode
        assert picture.size == ((3, 2) if options.get("target_size") else (5, 4))
        assert load(tmp_path / "a.png", "grayscale").mode == "L"


def test_progbar(capsys):
    """As Keras 3.15 prints it; the mean of 1 and three times 5 is 4."""
    bar = utils.Progbar(5, stateful_metrics=["rate"])
    bar.update(1, [("loss", 1.0), ("rate", 0.5)])
    bar.add(3, values=[("loss", 5.0), ("rate", 0.25)])
    bar.update(4, finalize=True)
    assert "4/5" in (text := capsys.readouterr().out)
    assert "loss: 4.0000 - rate: 0.2500" in text
    bar = utils.Progbar(2)
    bar.update(1, [("loss", 1.0)])
    bar.update(2, [("loss", 3.0)])
    assert "2/2" in (text := capsys.readouterr().out) and "loss: 3.0000" in text
    utils.Progbar(None, verbose=0).update(1)
    assert not capsys.readouterr().out
