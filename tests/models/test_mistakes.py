"""A user's mistakes: what was expected, what came, where, and how to mend it.

Every message is checked whole, and that nothing has been trained.
"""

import copy
import re

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sora_np.kernels.machine.arrays import empty
from sora_np.layers import (
    Conv2D,
    Conv2DTranspose,
    Dense,
    Dropout,
    Flatten,
    MaxPool,
    Softmax,
)
from sora_np.losses import BinaryCrossentropy, CategoricalCrossentropy
from sora_np.models import Sequential

X, Y = np.zeros((6, 8, 8, 1), np.float32), np.zeros(6, int)
SPARSE = "sparse_categorical_crossentropy"
TAKES = "this model takes x of shape (N, 8, 8, 1), got "

INPUTS = {  # x: what fit, evaluate and predict say
    "number": (3.0, "x must have a batch axis, got the number array(3.)"),
    "one-image": (
        X[0],
        f"{TAKES}(8, 8, 1): did you forget the batch axis? One sample is x[None]",
    ),
    "rows": (X.reshape(6, 64), f"{TAKES}(6, 64): expected 4 axes, got 2"),
    "five-axes": (X[None], f"{TAKES}(1, 6, 8, 8, 1): expected 4 axes, got 5"),
    "channels": (np.zeros((6, 8, 8, 3)), f"{TAKES}(6, 8, 8, 3)"),
    "channels-first": (np.zeros((6, 1, 8, 8)), f"{TAKES}(6, 1, 8, 8)"),
    "size": (np.zeros((6, 9, 8, 1)), f"{TAKES}(6, 9, 8, 1)"),
    "empty": (X[:0], "x is empty: its shape is (0, 8, 8, 1)"),
    "empty-list": ([], "x is empty: its shape is (0,)"),
}
TYPES = {
    "None": (None, "x is missing: expected an array, got None"),
    "text": (["a"], "x must be numbers, got text"),
    "bytes": (b"abc", "x must be numbers, got text"),
    "complex": (X + 1j, "x must be an array of real numbers, got dtype complex64"),
    "dates": (
        np.zeros(6, "M8[D]"),
        "x must be an array of real numbers, got dtype datetime64[D]",
    ),
    "dict": ({"x": X}, "x must be an array, got dict"),
    "objects": (
        np.array([X[0]] * 6 + [None], object),
        "x must be an array of real numbers, got dtype object: x[0] is of type ndarray"
        ": np.stack(x) makes one array of arrays of one shape",
    ),
}


def refuses(use, error, text, model):
    before = model.get_weights()
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        use()
    for was, now in zip(before, model.get_weights(), strict=True):
        assert_array_equal(now, was)


@pytest.mark.parametrize("x, text", INPUTS.values(), ids=INPUTS)
def test_inputs(make_model, x, text):
    model = make_model()
    refuses(lambda: model.fit(x, Y, verbose=0), ValueError, text, model)
    refuses(lambda: model.evaluate(x, Y, verbose=0), ValueError, text, model)
    refuses(lambda: model.predict(x, verbose=0), ValueError, text, model)
    refuses(lambda: model.train_on_batch(x, Y), ValueError, text, model)


@pytest.mark.parametrize("x, text", TYPES.values(), ids=TYPES)
def test_types_of_inputs(make_model, x, text):
    model = make_model()
    refuses(lambda: model.fit(x, Y, verbose=0), TypeError, text, model)
    refuses(lambda: model.predict(x, verbose=0), TypeError, text, model)


def test_names_of_classes_are_told_how_to_become_labels(make_model):
    model = make_model()
    text = (
        "y must be numbers, got text: for the labels of names, y = np.unique(y, "
        "return_inverse=True)"
    )
    refuses(lambda: model.fit(X, ["cat"] * 6), TypeError, text, model)


def test_ragged_lists(make_model):
    for use in (
        lambda: make_model().predict([[1], [1, 2]], verbose=0),
        lambda: make_model().fit(X, [[1], [1, 2]] * 3, verbose=0),
    ):
        with pytest.raises(ValueError, match="^[xy] must be an array of one shape: "):
            use()


TARGETS = {  # loss, y, what is said
    "length": (SPARSE, Y[:5], "x and y must hold equally many samples, got 6 and 5"),
    "label-3": (
        SPARSE,
        np.array([0, 1, 2, 0, 3, 9]),
        f"{SPARSE} takes labels from 0 to 2 (3 classes), got 3 at y_true[4]",
    ),
    "label-minus-1": (
        SPARSE,
        np.array([[0], [1], [-1], [0], [0], [9]]),
        f"{SPARSE} takes labels from 0 to 2 (3 classes), got -1 at y_true[2]",
    ),
    "float-labels": (
        SPARSE,
        Y + 0.5,
        f"{SPARSE} takes whole-number labels, got y_true of float64 with fractions or "
        "NaN",
    ),
    "nan-labels": (
        SPARSE,
        np.full(6, np.nan, np.float32),
        f"{SPARSE} takes whole-number labels, got y_true of float32 with fractions or "
        "NaN",
    ),
    "one-hot-to-sparse": (
        SPARSE,
        np.eye(6, 3),
        f"{SPARSE} takes labels y_true of shape (6,) for y_pred (6, 3), got (6, 3): "
        "for these targets use loss='categorical_crossentropy', or convert them",
    ),
    "labels-to-one-hot": (
        "categorical_crossentropy",
        Y,
        "categorical_crossentropy expected y_true and y_pred of the same "
        "shape, got y_true (6,) and "
        f"y_pred (6, 3): for these targets use loss='{SPARSE}', or convert them",
    ),
    "column-to-one-hot": (
        "categorical_crossentropy",
        Y[:, None],
        "categorical_crossentropy expected y_true and y_pred of the same "
        "shape, got y_true (6, 1) and "
        f"y_pred (6, 3): for these targets use loss='{SPARSE}', or convert them",
    ),
    "width": (
        "categorical_crossentropy",
        np.eye(6, 4),
        "categorical_crossentropy expected y_true and y_pred of the same "
        "shape, got y_true (6, 4) and "
        "y_pred (6, 3)",
    ),
    "never-broadcast": (
        "mse",
        np.zeros((6, 1)),
        "mean_squared_error expected y_true and y_pred of the same "
        "shape, got y_true (6, 1) and "
        "y_pred (6, 3)",
    ),
}


@pytest.mark.parametrize("loss, y, text", TARGETS.values(), ids=TARGETS)
def test_targets(make_model, loss, y, text):
    model = make_model(loss=loss)
    model.compile("sgd", loss)
    for use in (model.fit, model.evaluate):
        refuses(lambda use=use: use(X, y, verbose=0), ValueError, text, model)
    refuses(lambda: model.train_on_batch(X, y), ValueError, text, model)
    refuses(lambda: model.test_on_batch(X, y), ValueError, text, model)


def test_weights_of_another_shape(make_model):
    """Said before the first step, and before the order of samples is drawn."""
    model, other = make_model(), make_model()
    text = (
        "sample_weight has shape (6, 2), but the losses have (6,): give one weight for "
        "each sample, or one for each loss"
    )
    weights = np.ones((6, 2))
    for use in (model.fit, model.evaluate):
        refuses(
            lambda use=use: use(X, Y, sample_weight=weights), ValueError, text, model
        )
    refuses(lambda: model.train_on_batch(X, Y, weights), ValueError, text, model)
    x = np.random.default_rng(0).random(X.shape)
    for one in (model, other):
        one.fit(x, np.arange(6) % 3, batch_size=2, verbose=0)
    for ours, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    "metric, y, text",
    [
        (
            "categorical_accuracy",
            Y,
            "categorical_accuracy expected y_true and y_pred of the same "
            "shape, got y_true (1,) and "
            "(1, 3) from y_pred",
        ),
        (
            "mse",
            Y,
            "mean_squared_error expected y_true and y_pred of the same "
            "shape, got y_true (1,) and "
            "y_pred (1, 3)",
        ),
    ],
    ids=["categorical_accuracy", "mse"],
)
def test_metric_that_does_not_suit_the_targets(make_model, metric, y, text):
    """Said before the first step, not after it."""
    model = make_model()
    model.compile("sgd", SPARSE, metrics=[metric])
    refuses(lambda: model.fit(X, y, verbose=0), ValueError, text, model)


COUNT = "must be a positive whole number, got"
OPTIONS = [
    ({"batch_size": 0}, ValueError, f"batch_size {COUNT} 0"),
    ({"batch_size": -1}, ValueError, f"batch_size {COUNT} -1"),
    ({"batch_size": 2.5}, TypeError, f"batch_size {COUNT} 2.5"),
    ({"batch_size": "32"}, TypeError, f"batch_size {COUNT} '32'"),
    ({"batch_size": True}, TypeError, f"batch_size {COUNT} True"),
    ({"epochs": 0}, ValueError, f"epochs {COUNT} 0"),
    ({"epochs": 1.5}, TypeError, f"epochs {COUNT} 1.5"),
    (
        {"initial_epoch": -1},
        ValueError,
        "initial_epoch must be a whole number, not negative, got -1",
    ),
    (
        {"validation_split": 1.0},
        ValueError,
        "validation_split must lie between 0 and 1, got 1.0",
    ),
    (
        {"validation_split": "0.1"},
        ValueError,
        "validation_split must lie between 0 and 1, got '0.1'",
    ),
    *(
        (
            {"class_weight": weights},
            ValueError,
            "class_weight must map labels (whole numbers) to finite weights, got "
            + text,
        )
        for weights, text in (
            *(({"0": 2.0}, "'0': 2.0"), ({1: np.nan}, "1: nan"), ({2: "a"}, "2: 'a'")),
        )
    ),
    (
        {"class_weight": [1, 2, 3]},
        TypeError,
        "class_weight must be a dictionary label -> weight, got [1, 2, 3]",
    ),
    (
        {"sample_weight": [1, 1, 0, np.inf, 1, np.nan]},
        ValueError,
        "sample_weight must be finite, got inf at [3]",
    ),
    (
        {"callbacks": "EarlyStopping"},
        TypeError,
        "callbacks must be sora_np.callbacks.Callback objects, got 'EarlyStopping'",
    ),
    (
        {"validation_split": 0.99},
        ValueError,
        "validation_split=0.99 of 6 samples leaves one side empty: choose another "
        "share, or give validation_data",
    ),
]


@pytest.mark.parametrize("options, error, text", OPTIONS, ids=str)
def test_options(make_model, options, error, text):
    model = make_model()
    refuses(lambda: model.fit(X, Y, **options), error, text, model)
    if "batch_size" in options:
        refuses(lambda: model.evaluate(X, Y, **options), error, text, model)
        refuses(lambda: model.predict(X, **options), error, text, model)


def test_unknown_option_is_named(make_model):
    with pytest.raises(TypeError, match="unexpected keyword argument 'epoch'"):
        make_model().fit(X, Y, epoch=3)


# --- compile ------------------------------------------------------------------


def uncompiled():
    return Sequential([Flatten(input_shape=(8, 8, 1)), Dense(3, "softmax")])


@pytest.mark.parametrize("use", ["fit", "evaluate", "train_on_batch", "test_on_batch"])
def test_before_compile(use):
    model = uncompiled()
    text = "^compile the model first: " + re.escape("model.compile(optimizer, loss)")
    with pytest.raises(RuntimeError, match=text):
        getattr(model, use)(X, Y)
    model.compile("adam")
    with pytest.raises(RuntimeError, match="^the model was compiled without a loss: "):
        getattr(model, use)(X, Y)
    assert model.predict(X, verbose=0).shape == (6, 3)


@pytest.mark.parametrize(
    "options, text",
    [
        ({"optimizer": "adm"}, "unknown optimizer 'adm'; did you mean 'adam'? There"),
        ({"optimizer": 3}, "unknown optimizer 3. There are: Adadelta, Adagrad, A"),
        (
            {"loss": "categorical_crossentrpy"},
            "unknown loss 'categorical_crossentrpy'; did you mean "
            "'categorical_crossentropy'? There are: BCE, BinaryCrossentropy, ",
        ),
        (
            {"metrics": ["acuracy"]},
            "unknown metric 'acuracy'; did you mean 'accuracy'? There are: AUC, Ac",
        ),
        ({"metrics": ["accuracy", None]}, "unknown metric None"),
    ],
    ids=str,
)
def test_unknown_names(make_model, options, text):
    """The compilation before stays in force."""
    model = make_model()
    before = model.optimizer, model.loss, model.metrics_names
    with pytest.raises(ValueError, match=f"^{re.escape(text)}"):
        model.compile(**options)
    assert (model.optimizer, model.loss, model.metrics_names) == before
    model.fit(X, Y, verbose=0)


def test_a_loss_without_predictions(make_model):
    model = make_model()
    model.compile("sgd", lambda y_true, y_pred: 0.0)
    text = "^the loss <lambda> does not depend on y_pred, so nothing can be learnt"
    with pytest.raises(ValueError, match=text):
        model.fit(X, Y, verbose=0)


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda: Dense(3, "rleu"), "unknown activation 'rleu'; did you mean 'relu'?"),
        (
            lambda: Dense(3, kernel_initializer="he_norml"),
            "unknown initializer 'he_norml'; did you mean 'he_normal'?",
        ),
        (
            lambda: Conv2D(3, 3, padding="full"),
            'padding must be "valid" or "same", got \'full\'',
        ),
        (lambda: Dropout(1.5), "rate must be at most 1 and not negative, got 1.5"),
        (lambda: Dense(0), "units must be a positive whole number, got 0"),
        (lambda: Conv2D(0, 3), "filters must be a positive whole number, got 0"),
        (lambda: Conv2D(3, 0), "kernel_size must be a positive whole number, got 0"),
        (lambda: MaxPool(0), "pool_size must be a positive whole number, got 0"),
        (
            lambda: Conv2DTranspose(3, 3, strides=2, output_padding=2),
            "output_padding must be below strides, got output_padding=2 and "
            "strides=(2, 2)",
        ),
    ],
    ids=[
        *("activation", "initializer", "padding", "dropout", "units", "filters"),
        *("kernel_size", "pool_size", "output_padding"),
    ],
)
def test_arguments_of_layers(make, text):
    with pytest.raises(ValueError, match=f"^{re.escape(text)}"):
        make()


def test_units_that_are_no_whole_number():
    with pytest.raises(
        TypeError, match="^units must be a positive whole number, got 2"
    ):
        Dense(2.5)


SHAPE = "input_shape must be a tuple such as (28, 28, 1), got"
CALLS = {  # what is called on a model that is not built, the error, what it says
    "build-text": (lambda m: m.build("abc"), TypeError, f"{SHAPE} 'abc'"),
    "build-number": (lambda m: m.build(5), TypeError, f"{SHAPE} 5"),
    "build-unknown-size": (
        lambda m: m.build((None, None, 6, 1)),
        TypeError,
        f"each size of the shape (None, 6, 1) {COUNT} None: a model takes inputs of "
        "one size, so give that size, and resize or pad inputs to it",
    ),
    "build-negative": (
        lambda m: m.build((None, -1, 6, 1)),
        ValueError,
        f"each size of the shape (-1, 6, 1) {COUNT} -1",
    ),
    "seed-text": (
        lambda m: Sequential(seed="a"),
        TypeError,
        "seed must be a whole number, not negative, got 'a'",
    ),
    "seed-negative": (
        lambda m: Sequential(seed=-1),
        ValueError,
        "seed must be a whole number, not negative, got -1",
    ),
    "dtype": (
        lambda m: Sequential(dtype="flaot32"),
        ValueError,
        "dtype must be float32 or float64, got 'flaot32'",
    ),
    "one-layer": (
        lambda m: Sequential(Dense(2)),
        TypeError,
        "layers must be a list, got a layer: use [Dense 'dense']",
    ),
    "index": (
        lambda m: m.get_layer(index="a"),
        TypeError,
        "index must be a whole number, got 'a'",
    ),
    "axis": (lambda m: Softmax("a"), TypeError, "axis must be a whole number, got 'a'"),
}


@pytest.mark.parametrize("call, error, text", CALLS.values(), ids=CALLS)
def test_what_is_no_shape_seed_or_index(call, error, text):
    model = Sequential([Conv2D(2, 3), Flatten(), Dense(3)])
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        call(model)
    model.build((None, 8, 8, 1))


@pytest.mark.parametrize("weights, kind", [(None, "NoneType"), ({"a": 1}, "dict")])
def test_weights_that_are_no_list(make_model, weights, kind):
    model = make_model()
    text = "weights must be a list of arrays, as get_weights returns, got "
    refuses(lambda: model.set_weights(weights), TypeError, text + kind, model)


def test_window_that_does_not_fit():
    """The layer, the sizes that decide it, and what to do."""
    layers = [Conv2D(2, 3, input_shape=(8, 8, 1)), MaxPool(2), MaxPool(2)]
    text = (
        "Conv2D 'conv2d_1': a window of 3x3 pixels (size (3, 3), dilation (1, 1)) does "
        "not fit images of 1x1 pixels: use a smaller window, fewer poolings before "
        'it, or padding="same"'
    )
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        Sequential([*layers, Conv2D(2, 3)])


def test_image_without_channels():
    with pytest.raises(ValueError, match=r"^Conv2D 'conv2d' takes images .*is missing"):
        Sequential([Conv2D(2, 3, input_shape=(8, 8))])


def test_memory_that_is_not_there():
    """The layer, the shape that caused it, and what to do; the model is as it was."""
    model = Sequential([Dense(3, input_shape=(10**6,))])
    text = (
        r"Dense 'dense' on x of shape \(N, 1000000000\): .*\(1000000000, 1000000000\)"
    )
    with pytest.raises(MemoryError, match=text):
        Sequential([Dense(10**9, input_shape=(10**9,))])
    assert model.count_params() == 3_000_003
    model = Sequential([Conv2D(200, 1, input_shape=(50_000, 50_000, 1))])
    x = np.broadcast_to(np.float32(0), (1, 50_000, 50_000, 1))  # takes no memory
    text = (
        "Conv2D 'conv2d': no memory for an array of shape (1, 50000, 50000, 200) of "
        "float32, 1.86e+03 GiB: use a smaller batch_size, or smaller images"
    )
    with pytest.raises(MemoryError, match=f"^{re.escape(text)}$"):
        model.predict_on_batch(x)
    assert model.count_params() == 400


@pytest.mark.parametrize("size", [2**42, 2**62, 2**70])
def test_an_array_of_any_absurd_size_is_a_memory_error(size):
    with pytest.raises(MemoryError, match=rf"shape \({size}, 2\) of float32"):
        empty((size, 2), np.float32)


# --- what is warned of --------------------------------------------------------


@pytest.mark.parametrize(
    "x, text",
    [
        (
            np.where(np.arange(6) < 2, np.nan, 1.0),
            "2 of 6 samples in x hold NaN or inf",
        ),
        (np.where(np.arange(6) < 1, -np.inf, 1.0), "1 of 6 samples in x hold NaN or"),
        (np.full(6, 255, np.uint8), "x holds bytes up to 255: networks train better"),
    ],
    ids=["nan", "infinity", "bytes"],
)
def test_odd_inputs(make_model, x, text):
    x = np.broadcast_to(x[:, None, None, None], X.shape)
    with pytest.warns(UserWarning, match=text) as caught:
        make_model().fit(x, Y, verbose=0)
    assert len(caught) == 1 and caught[0].filename == __file__


def test_bytes_of_zeros_and_ones_are_a_mask(make_model):
    make_model().fit(X.astype(np.uint8), Y, verbose=0)


@pytest.mark.parametrize(
    "end, loss, text",
    [
        (
            [Dense(3, "softmax")],
            CategoricalCrossentropy(from_logits=True),
            "Dense 'dense' ends in softmax, but categorical_crossentropy has "
            "from_logits=True: drop one of the two",
        ),
        (
            [Dense(3), Softmax()],
            CategoricalCrossentropy(from_logits=True),
            "Softmax 'softmax' ends in softmax, but categorical_crossentropy has "
            "from_logits=True: drop one of the two",
        ),
        (
            [Dense(3, "sigmoid")],
            BinaryCrossentropy(from_logits=True),
            "Dense 'dense' ends in sigmoid, but binary_crossentropy has "
            "from_logits=True: drop one of the two",
        ),
        (
            [Dense(3)],
            CategoricalCrossentropy(),
            "Dense 'dense' has no activation, but categorical_crossentropy expects "
            'probabilities: use activation="softmax", or the loss '
            "CategoricalCrossentropy(from_logits=True)",
        ),
    ],
    ids=["softmax", "Softmax", "sigmoid", "linear"],
)
def test_loss_that_takes_something_else(end, loss, text):
    model = Sequential([Flatten(), *end])
    model.compile("sgd", loss)
    for one in (model, copy.deepcopy(model)):
        with pytest.warns(UserWarning, match=f"^{re.escape(text)}$") as caught:
            one.fit(X + np.float32(1), np.eye(6, 3), verbose=0)
        assert caught[0].filename == __file__


@pytest.mark.parametrize(
    "end, loss",
    [
        ([Dense(3)], CategoricalCrossentropy(from_logits=True)),
        ([Dense(3, "softmax")], CategoricalCrossentropy()),
        ([Dense(3, "sigmoid")], BinaryCrossentropy()),
        ([Dense(3)], "mse"),
        ([Dense(3), Softmax()], "categorical_crossentropy"),
    ],
    ids=["logits", "softmax", "sigmoid", "mse", "Softmax"],
)
def test_loss_that_suits(end, loss):
    model = Sequential([Flatten(), *end])
    model.compile("sgd", loss)
    model.fit(X, np.eye(6, 3), verbose=0)
