"""What Keras 1 and 2 called otherwise: understood, with one warning each."""

import copy
import warnings

import numpy as np
import pytest

import sora_np
from sora_np import keras
from sora_np.keras import layers
from sora_np.keras.old import arguments as old_names
from sora_np.keras.old import modules as old_modules
from sora_np.layers import Conv2D, Dense
from sora_np.optimizers import schedules


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch):
    monkeypatch.setattr(old_names, "SAID", set())


def conv(**options):
    return lambda: layers.Conv2D(4, 3, **options)


CASES = {  # what an old program writes; what it means; the new name that is told
    "convolution": (
        lambda: layers.Convolution2D(4, 3, 2, border_mode="same", subsample=(2, 2)),
        lambda: Conv2D(4, (3, 2), padding="same", strides=(2, 2)),
        "write padding=",
    ),
    "three numbers": (
        lambda: layers.Convolution2D(4, 3, 2, "he_normal", "relu"),
        lambda: Conv2D(4, (3, 2), activation="relu", kernel_initializer="he_normal"),
        r"write Conv2D\(filters, \(rows, columns\)\)",
    ),
    "rows": (
        lambda: layers.Conv2D(nb_filter=4, nb_row=3, nb_col=2),
        lambda: Conv2D(4, (3, 2)),
        r"kernel_size=\(rows, columns\)",
    ),
    "ordering": (conv(dim_ordering="tf"), conv(), "channels_last"),
    "th": (
        conv(dim_ordering="th"),
        conv(data_format="channels_first"),
        "channels_last.*_first",
    ),
    "init": (
        conv(init="he_normal", bias=False),
        conv(kernel_initializer="he_normal", use_bias=False),
        "write kernel_initializer=",
    ),
    "dense": (
        lambda: layers.Dense(output_dim=3, input_dim=5, W_regularizer="l2"),
        lambda: Dense(3, input_shape=(5,), kernel_regularizer="l2"),
        "write units=",
    ),
    "dropout": (
        lambda: layers.Dropout(p=0.3),
        lambda: layers.Dropout(0.3),
        "write rate=",
    ),
    "penalty": (
        lambda: keras.regularizers.l2(l=0.02),
        lambda: keras.regularizers.l2(0.02),
        "write l2=",
    ),
    "rate": (
        lambda: keras.optimizers.SGD(lr=0.2, momentum=0.9),
        lambda: keras.optimizers.SGD(0.2, momentum=0.9),
        "write learning_rate=",
    ),
    "decay": (
        lambda: keras.optimizers.Adam(decay=1e-2),
        lambda: keras.optimizers.Adam(schedules.InverseTimeDecay(0.001, 1, 1e-2)),
        "InverseTimeDecay",
    ),
    "all of Keras 2's": (
        lambda: keras.optimizers.Adam(
            lr=0.002, beta_1=0.9, beta_2=0.999, epsilon=None, decay=0.0, amsgrad=False
        ),
        lambda: keras.optimizers.Adam(0.002),
        "write learning_rate=",
    ),
    "mode": (
        lambda: layers.BatchNormalization(mode=0, axis=-1),
        layers.BatchNormalization,
        "it does nothing",
    ),
    "no decay": (
        lambda: keras.optimizers.RMSprop(lr=0.2, decay=0.0),
        lambda: keras.optimizers.RMSprop(0.2),
        "InverseTimeDecay",
    ),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of the others
@pytest.mark.parametrize("old, new, told", CASES.values(), ids=CASES)
def test_old_arguments(old, new, told):
    with pytest.warns(DeprecationWarning, match=told):
        made = old()
    assert type(made) is type(new())
    assert made.get_config() == new().get_config()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # each is told once
        old()


def test_the_decay_of_keras_2():
    """Learning rate / (1 + decay * steps): worked by hand."""
    with pytest.warns(DeprecationWarning):
        sgd = keras.optimizers.SGD(lr=1.0, decay=0.5)
    p = np.zeros(1)
    found = []
    for _ in range(3):
        sgd.step(p, np.ones(1))
        found.append(-p[0])
    np.testing.assert_allclose(found, [1, 1 + 1 / 1.5, 1 + 1 / 1.5 + 1 / 2])


W = [np.arange(6.0).reshape(2, 3), np.ones(3)]
STARTED = {  # layer, the shape of x, its weights
    "Dense": (layers.Dense, (3,), (2,), W),
    "Conv2D": (
        layers.Conv2D,
        (2, 3),
        (5, 5, 1),
        [np.full((3, 3, 1, 2), 0.5), np.array([1.0, 2.0])],
    ),
    "BatchNormalization": (
        layers.BatchNormalization,
        (),
        (3,),
        [np.full(3, k) for k in (1.0, 2.0, 3.0, 4.0)],
    ),
}


@pytest.mark.parametrize("way", ["Sequential", "Model", "build", "first"])
@pytest.mark.parametrize("kind, args, shape, weights", STARTED.values(), ids=STARTED)
def test_weights_to_start_with(kind, args, shape, weights, way):
    """In whatever way the layer is built; afterwards it is as any other."""
    with pytest.warns(DeprecationWarning, match=r"weights=\) is an old name"):
        layer = kind(*args, weights=weights)
    if way == "Sequential":
        keras.Sequential([layers.Input(shape), layer])
    elif way == "Model":
        x = layers.Input(shape)
        model = keras.Model(x, layer(x))
        twin = keras.models.clone_model(model)
        assert type(twin.layers[-1]) is kind
    elif way == "build":
        assert layer.compute_output_shape((None, *shape))[0] is None
        layer.build((None, *shape))
    else:
        layer(np.zeros((1, *shape)))
    assert type(layer) is kind and "weights" not in layer.get_config()
    for a, b in zip(layer.get_weights(), weights, strict=True):
        np.testing.assert_array_equal(a, b)
        assert not np.shares_memory(a, b)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_weights_to_start_with_go_with_other_arguments_and_copies():
    options = {"data_format": "channels_first", "activity_regularizer": "l2"}
    given = [np.full((3, 3, 1, 2), 0.5), np.ones(2)]
    layer = layers.Conv2D(2, 3, weights=given, **options)
    plain = layers.Conv2D(2, 3, **options)
    twin = copy.deepcopy(layer)
    for one in (layer, twin, plain):
        one.build((None, 1, 5, 5))
        assert type(one) is type(plain)
    for one in (layer, twin):
        np.testing.assert_array_equal(one.get_weights()[0], given[0])
    assert layers.Dense(2, weights=None)(np.ones((1, 2))).shape == (1, 2)


WRONG = {
    "mode": (lambda: layers.BatchNormalization(mode=2), "mode"),
    "order": (conv(dim_ordering="hw"), "channels_last"),
    "both": (lambda: layers.Dense(3, units=3, output_dim=3), "output_dim|units"),
    "period": (
        lambda: keras.callbacks.ModelCheckpoint("a.npz", period=0),
        "period",
    ),
    "weights": (
        lambda: layers.Dense(3, weights=[np.ones((2, 3))])(np.ones((1, 2))),
        r"kernel \(2, 3\), bias \(3,\), got \(2, 3\)",
    ),
    "weights_of_none": (
        lambda: layers.Flatten(weights=[np.ones(2)])(np.ones((1, 2))),
        r"\(none\), got \(2,\)",
    ),
    "weights_alone": (
        lambda: layers.Dense(3, weights=np.ones((2, 3))),
        "must be a list of arrays, as get_weights returns, got ndarray",
    ),
    "weights_in_a_model": (
        lambda: keras.Sequential([layers.Input((4,)), layers.Dense(1, weights=W)]),
        r"kernel \(4, 1\), bias \(1,\), got \(2, 3\), \(3,\)",
    ),
    "nadam": (lambda: keras.optimizers.Nadam(schedule_decay=0.1), "schedule_decay"),
    "image": (lambda: keras.backend.set_image_dim_ordering("th"), "channels_last"),
    "merge": (lambda: layers.merge([], mode="xor"), "mode must be one of sum, mul"),
    "unknown": (lambda: layers.Dense(3, nb_units=3), "nb_units"),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("make, text", WRONG.values(), ids=WRONG)
def test_what_has_no_new_name(make, text):
    with pytest.raises((TypeError, ValueError), match=text):
        make()


@pytest.mark.parametrize(
    "mode, expected",
    [("sum", 3), ("mul", 2), ("ave", 1.5), ("max", 2), ("dot", 8), ("cos", 1)],
)
def test_merge(mode, expected):
    a, b = keras.Input((4,)), keras.Input((4,))
    with pytest.warns(DeprecationWarning, match="old name"):
        model = keras.Model(input=[a, b], output=layers.merge([a, b], mode=mode))
    ones = np.ones((2, 4), np.float32)
    y = model.predict([ones, 2 * ones], verbose=0)
    np.testing.assert_allclose(y, np.full_like(y, expected), rtol=1e-6)


@pytest.fixture
def model():
    made = keras.Sequential([layers.Dense(2, "softmax", input_dim=3)])
    made.compile("sgd", "sparse_categorical_crossentropy")
    return made


X, Y = np.random.default_rng(0).normal(size=(8, 3)), np.arange(8) % 2


class Batches:
    """A generator that knows its batch size, as those of ImageDataGenerator do."""

    batch_size = 4

    def __iter__(self):
        return self

    def __next__(self):
        return X[:4], Y[:4]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_generators(model):
    twin = keras.models.clone_model(model)
    twin.compile("sgd", "sparse_categorical_crossentropy")
    new = twin.fit(iter(Batches()), epochs=2, steps_per_epoch=3, verbose=0)
    old = model.fit_generator(
        Batches(), samples_per_epoch=12, nb_epoch=2, verbose=0, max_q_size=1
    )
    assert old.history == new.history
    loss = model.evaluate_generator(Batches(), val_samples=8)
    assert loss == twin.evaluate(iter(Batches()), steps=2, verbose=0)
    y = model.predict_generator(Batches(), 2, workers=4)
    assert np.array_equal(y, np.concatenate([twin.predict(X[:4], verbose=0)] * 2))
    with pytest.raises(ValueError, match="batch_size is not known"):
        model.fit_generator(iter([(X, Y)]), samples_per_epoch=8)


def test_predictions(model):
    with pytest.warns(DeprecationWarning, match="argmax"):
        found = model.predict_classes(X)
    assert np.array_equal(found, model.predict(X, verbose=0).argmax(-1))
    with pytest.warns(DeprecationWarning, match="predict_proba"):
        assert np.array_equal(model.predict_proba(X), model.predict(X, verbose=0))


def test_rate(model):
    with pytest.warns(DeprecationWarning, match="learning_rate"):
        assert model.optimizer.lr == model.optimizer.learning_rate == 0.01
    keras.backend.set_value(model.optimizer.lr, 0.5)
    assert keras.backend.get_value(model.optimizer.lr) == 0.5
    model.optimizer.lr = 0.25
    assert model.optimizer.learning_rate == 0.25


def test_fit(model):
    with pytest.warns(DeprecationWarning, match="epochs="):
        history = model.fit(X, Y, nb_epoch=2, verbose=0)
    assert history.epoch == [0, 1]
    with pytest.warns(DeprecationWarning, match="it does nothing"):
        model.fit(X, Y, verbose=0, workers=4, use_multiprocessing=True)


def test_old_modules():
    with pytest.warns(DeprecationWarning, match="import from keras.layers"):
        from sora_np.keras.layers.core import Activation
    with pytest.warns(DeprecationWarning, match="import from keras.utils"):
        from sora_np.keras.utils.np_utils import to_categorical
    with pytest.warns(DeprecationWarning, match="import from keras.optimizers"):
        import sora_np.keras.optimizers.adam_v2 as adam_v2

        assert adam_v2.Adam is keras.optimizers.Adam
    assert Activation is layers.Activation
    assert to_categorical is keras.utils.to_categorical
    with pytest.raises(ImportError):
        from sora_np.keras.layers.core import Nonsense  # noqa: F401
    for name in old_modules.MODULES:
        __import__(f"sora_np.keras.{name}")


def test_a_plateau():
    with pytest.warns(DeprecationWarning, match="write min_delta="):
        callback = keras.callbacks.ReduceLROnPlateau(epsilon=0.02)
    assert callback._watch.min_delta == 0.02


@pytest.mark.filterwarnings("ignore:.*old name")
def test_deeper_modules_of_keras_2():
    from sora_np.keras.engine import Input, InputLayer, Layer
    from sora_np.keras.layers.experimental import preprocessing
    from sora_np.keras.layers.normalization.batch_normalization import (
        BatchNormalization,
    )

    assert (Input, InputLayer, Layer) == (
        layers.Input,
        layers.InputLayer,
        layers.Layer,
    )
    assert preprocessing.Rescaling is layers.Rescaling
    assert BatchNormalization is layers.BatchNormalization


@pytest.mark.filterwarnings("ignore:.*old name")
def test_small_letters_and_defaults_of_keras_2():
    assert isinstance(keras.optimizers.rmsprop(lr=0.1), keras.optimizers.RMSprop)
    assert layers.AveragePooling2D().pool_size == layers.AveragePooling2D(2).pool_size
    model = keras.Sequential([layers.Conv2D(4, 3, input_shape=(8, 8, 1))])
    assert model.layers[0].output_shape == (None, 6, 6, 4)
    assert keras.backend.int_shape(model.output) == (None, 6, 6, 4)
    assert keras.losses.get("kullback_leibler_divergence").name == "kl_divergence"


@pytest.fixture
def no_old_module(monkeypatch):
    """A pickle of an old version may have imported the former module sora_np.data."""
    monkeypatch.delitem(vars(sora_np), "data", raising=False)


@pytest.mark.usefixtures("no_old_module")
def test_names_of_tensorflow_around_keras():
    import sora_np as tf

    assert tf.nn.relu is keras.activations.relu
    assert tf.config.list_physical_devices("GPU") == [] and tf.data.AUTOTUNE == -1
    tf.random.set_seed(1)
    np.testing.assert_array_equal(tf.one_hot([1, 0], 2), [[0, 1], [1, 0]])
    assert tf.reduce_mean(tf.cast([1, 2], tf.float32)) == 1.5
    with pytest.raises(AttributeError, match="no tape records operations"):
        tf.GradientTape  # noqa: B018
    with pytest.raises(AttributeError, match=r"tf.data.TFRecord.* is not here: arrays"):
        tf.data.TFRecordDataset  # noqa: B018
    assert tf.argmax([[1, 5], [3, 2]]).tolist() == [1, 0]
    assert tf.math.confusion_matrix([0, 1], [1, 1]).tolist() == [[0, 1], [0, 1]]


def test_modules_that_are_not_here_say_what_to_do():
    with pytest.raises(ImportError, match="No weights of ImageNet"):
        from sora_np.keras.applications.vgg16 import VGG16  # noqa: F401
    with pytest.raises(ImportError, match="No weights of ImageNet"):
        from sora_np.keras.applications import ResNet50  # noqa: F401
    with pytest.raises(ImportError, match="YAML can run code"):
        from sora_np.keras.models import model_from_yaml  # noqa: F401


def test_tensors_have_numpy():
    """The program of TensorFlow's quickstart; the loss of equal logits is ln 2."""
    import sora_np as tf

    model = tf.keras.Sequential([layers.Dense(2, "relu", input_shape=(3,))])
    model.layers[0].set_weights([np.zeros((3, 2)), np.zeros(2)])
    predictions = model(np.ones((1, 3))).numpy()
    assert type(predictions) is np.ndarray and predictions.tolist() == [[0, 0]]
    assert tf.nn.softmax(predictions).numpy().tolist() == [[0.5, 0.5]]
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    np.testing.assert_allclose(loss([1], predictions).numpy(), np.log(2), rtol=1e-6)
    again = model(model(np.ones((1, 3))) @ np.ones((2, 3)))
    assert (
        repr(again)
        == "array([[0., 0.]], dtype=float32)"
        == repr(model(again @ np.ones((2, 3))))
    )


@pytest.mark.usefixtures("no_old_module")
def test_a_dataset_of_arrays(model):
    import sora_np as tf

    tf.random.set_seed(3)
    first = tf.random.normal((2,))
    tf.random.set_seed(3)
    assert np.array_equal(tf.random.normal((2,)), first)
    dataset = tf.data.Dataset.from_tensor_slices((X, Y))
    assert len(dataset) == 8 and next(iter(dataset))[1].numpy() == 0
    assert next(iter(dataset.batch(2)))[1].numpy().tolist() == [0, 1]
    twin = keras.models.clone_model(model)
    twin.set_weights(model.get_weights())
    twin.compile("sgd", "sparse_categorical_crossentropy")
    batches = dataset.map(lambda x, y: (2 * x, y)).batch(4).prefetch(tf.data.AUTOTUNE)
    found = model.fit(batches, epochs=2, verbose=0)
    expected = twin.fit(2 * X, Y, batch_size=4, epochs=2, shuffle=False, verbose=0)
    np.testing.assert_allclose(found.history["loss"], expected.history["loss"])
    with pytest.raises(ValueError, match=r"one length, got \[8, 7\]"):
        tf.data.Dataset.from_tensor_slices((X, Y[:7]))


@pytest.mark.filterwarnings("ignore:there is no device")
def test_devices_and_sessions():
    import sora_np as tf
    from sora_np.keras import backend

    config = tf.compat.v1.ConfigProto()
    config.gpu_options.allow_growth = True
    with tf.device("/gpu:0"), tf.distribute.MirroredStrategy().scope():
        backend.set_session(tf.Session(config=config))
    assert not tf.test.is_gpu_available() and tf.test.gpu_device_name() == ""
    with pytest.raises(AttributeError, match="no graph to run"):
        tf.Session().run(None)


def test_functions_of_backend():
    """With Dropout(0.5) each output is 0 or twice the input in training."""
    backend = keras.backend
    model = keras.Sequential([layers.Dropout(0.5, input_shape=(50,)), layers.ReLU()])
    inputs = [model.layers[0].input, backend.learning_phase()]
    function = backend.function(inputs, [model.layers[0].output])
    x = np.ones((2, 50))
    assert set(np.ravel(function([x, 1]))) == {0, 2}
    assert np.array_equal(function([x, 0])[0], x)
    assert backend.argmax([[1, 5], [3, 2]]).tolist() == [1, 0]
    with pytest.warns(UserWarning, match="does nothing"):
        backend.set_learning_phase(1)


@pytest.mark.filterwarnings("ignore:.*old name")
def test_what_keras_2_wrote_and_read(model, tmp_path):
    model.save(tmp_path / "model.npz", save_format="tf")
    assert keras.losses.kullback_leibler_divergence is keras.losses.kl_divergence
    model.compile("sgd", "cosine_proximity")
    assert isinstance(model.loss, keras.losses.CosineSimilarity)
    with pytest.raises(RuntimeError, match="to_json"):
        model.to_yaml()


@pytest.mark.filterwarnings("ignore:.*old name")
def test_rows_and_columns_of_keras_1():
    """Another old argument tells them from Keras 3's size and strides."""
    for options in ({"border_mode": "same"}, {"subsample": (2, 2)}, {"init": "zero"}):
        layer = layers.Conv2D(6, 3, 5, activation="relu", **options)
        assert layer.kernel_size == (3, 5)
        assert layer.strides == options.get("subsample", (1, 1))
    assert layers.Conv2D(6, 3, 5).strides == (5, 5)


@pytest.mark.filterwarnings("ignore:.*old name")
def test_more_of_keras_1_and_2():
    from sora_np.keras.engine.topology import get_source_inputs
    from sora_np.keras.initializations import glorot_uniform
    from sora_np.keras.layers import merge
    from sora_np.keras.objectives import binary_crossentropy
    from sora_np.keras.regularizers import activity_l2
    from sora_np.keras.utils.visualize_util import plot

    assert plot is keras.utils.plot_model
    assert glorot_uniform is keras.initializers.glorot_uniform
    assert binary_crossentropy is keras.losses.binary_crossentropy
    assert activity_l2(0.5)(np.array([2.0])) == 2
    a, b = keras.Input((3,)), keras.Input((3,))
    y = merge([a, b], mode=lambda xs: abs(xs[0] - xs[1]), output_shape=(3,))
    assert get_source_inputs(y) == [a, b]
    model = keras.Model([a, b], y)
    x = [np.ones((2, 3)), 3 * np.ones((2, 3))]
    assert (model.predict(x, verbose=0) == 2).all()
    assert {"merge", "Convolution2D", "Deconvolution2D"} <= {*layers.__all__}


def test_names_in_files_within_a_block(tmp_path):
    def halved(x):
        return x / 2

    model = keras.Sequential([layers.Dense(2, halved, input_shape=(3,))])
    with pytest.warns(UserWarning, match="never registered.*halved"):
        model.save(tmp_path / "m.npz")
    with pytest.raises(ValueError, match="halved"):
        keras.models.load_model(tmp_path / "m.npz")
    with keras.utils.CustomObjectScope({"halved": halved}):
        again = keras.models.load_model(tmp_path / "m.npz")
    x = np.ones((2, 3), "float32")
    assert (again.predict(x, verbose=0) == model.predict(x, verbose=0)).all()
    assert "halved" not in keras.utils.get_custom_objects()


@pytest.mark.filterwarnings("ignore:.*old name")
def test_a_rate_that_decays_can_be_set_as_in_keras_2(tmp_path):
    """The rate of step t is lr / (1 + decay t), for the lr that callbacks set."""
    model = keras.Sequential([layers.Dense(1, use_bias=False, input_shape=(1,))])
    model.set_weights([[[0.0]]])
    model.compile(keras.optimizers.SGD(lr=0.5, decay=1.0), lambda t, p: np.mean(p))
    one = np.ones((1, 1))
    backup = keras.callbacks.BackupAndRestore(tmp_path)
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch, lr: lr / 2)
    seen = []
    look = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: seen.append(logs["learning_rate"])
    )
    model.fit(one, one, epochs=3, callbacks=[schedule, look, backup], verbose=0)
    assert seen == [0.25, 0.125, 0.0625]
    steps = 0.25 / 1 + 0.125 / 2 + 0.0625 / 3
    assert model.get_weights()[0][0, 0] == pytest.approx(-steps)
    assert model.optimizer.lr == 0.0625
    state = model.optimizer.get_state(np.zeros(1, "f4"))
    other = keras.optimizers.SGD(lr=0.5, decay=1.0)
    other.set_state({**state, "slots": {}})
    assert (other.learning_rate, other.step_rate) == (0.0625, 0.0625 / 4)


@pytest.mark.filterwarnings("ignore:.*old name")
def test_the_third_argument_of_compile_was_the_metrics():
    model = keras.Sequential([layers.Dense(3, "softmax", input_shape=(2,))])
    model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])
    assert model.metrics_names == ["loss", "accuracy"]
    with pytest.raises(ValueError, match="loss_weights are only for"):
        model.compile("adam", "mse", [2.0])
    model.compile("adam", "mse", sample_weight_mode=None)


def test_one_number_is_a_batch_of_one():
    model = keras.Sequential([layers.Dense(1, input_shape=[1])])
    expected = model.predict(np.array([[10.0]]), verbose=0)
    for x in ([10.0], np.array([10.0]), [[10.0]]):
        assert model.predict(x, verbose=0) == expected
    with pytest.raises(ValueError, match="did you forget the batch axis"):
        keras.Sequential([layers.Dense(1, input_shape=[2])]).predict([1.0, 2.0])
