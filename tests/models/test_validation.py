"""Validation data and the weights of samples and classes, by hand-computed means."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.utils import compute_class_weight

from sora_np import Sequential
from sora_np.layers import Activation, Dense
from sora_np.losses import SparseCategoricalCrossentropy
from sora_np.optimizers import SGD


@pytest.fixture
def still(make_model):
    """A model that a step does not change: its numbers can be computed at once."""
    return make_model(SGD(0))


def costs(model, x, y):
    """-log p of every sample."""
    p = model.predict(x, verbose=0)
    return -np.log(p[np.arange(len(y)), y].astype(np.float64))


def hits(model, x, y):
    return model.predict(x, verbose=0).argmax(-1) == y


# --- means --------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [7, 16, 49, 50, 64])
def test_epochs_are_means_over_samples_not_batches(still, images, batch_size):
    """Every batch size leaves another rest of 50; the means are the same."""
    x, y = images
    logs = still.fit(
        x, y, batch_size, validation_data=(x[:13], y[:13]), verbose=0
    ).history
    assert_allclose(logs["loss"], costs(still, x, y).mean(), rtol=1e-6)
    assert_allclose(logs["accuracy"], hits(still, x, y).mean(), rtol=1e-12)
    assert_allclose(logs["val_loss"], costs(still, x, y)[:13].mean(), rtol=1e-6)
    assert_allclose(logs["val_accuracy"], hits(still, x, y)[:13].mean(), rtol=1e-12)


def test_weighted_loss_is_divided_by_the_count(still, images):
    """sum(w * loss) / count, not / sum(w); metrics are not weighted."""
    x, y = images
    weights = np.where(np.arange(50) < 20, 0, np.linspace(0.1, 3, 50))
    expected = (costs(still, x, y) * weights).mean()
    logs = still.fit(x, y, 16, sample_weight=weights, verbose=0).history
    assert_allclose(logs["loss"], expected, rtol=1e-6)
    assert_allclose(logs["accuracy"], hits(still, x, y).mean())
    evaluated = still.evaluate(x, y, 16, sample_weight=weights, verbose=0)
    assert_allclose(evaluated[0], expected, rtol=1e-6)
    assert_allclose(still.test_on_batch(x, y, weights)[0], expected, rtol=1e-6)
    assert_allclose(still.train_on_batch(x, y, weights)[0], expected, rtol=1e-6)


def test_samples_of_weight_zero_teach_nothing(make_model, images, same_weights):
    x, y = images
    weights = np.r_[np.ones(32), np.zeros(18)]
    some, all_but = make_model(SGD(0.1)), make_model(SGD(0.1))
    all_but.fit(x, y, 25, sample_weight=weights, shuffle=False, verbose=0)
    y = np.where(weights, y, (y + 1) % 3)
    some.fit(x, y, 25, sample_weight=weights, shuffle=False, verbose=0)
    assert same_weights(some, all_but)


def test_all_weights_zero(make_model, images, same_weights):
    model, before = make_model(SGD(0.1)), make_model(SGD(0.1))
    logs = model.fit(*images, sample_weight=np.zeros(50), verbose=0).history
    assert logs["loss"] == [0.0] and same_weights(model, before)


@pytest.mark.parametrize("encode", ["labels", "column", "one-hot"])
def test_class_weight_is_a_sample_weight_by_label(make_model, images, encode):
    x, y = images
    share = {0: 0.5, 2: 3.0}  # class 1 is not named: 1
    weights = np.array([0.5, 1.0, 3.0])[y]
    loss = f"{'' if encode == 'one-hot' else 'sparse_'}categorical_crossentropy"
    targets = {"labels": y, "column": y[:, None], "one-hot": np.eye(3)[y]}[encode]
    by_class, by_sample = make_model(loss=loss), make_model(loss=loss)
    first = by_class.fit(x, targets, class_weight=share, verbose=0)
    second = by_sample.fit(x, targets, sample_weight=weights, verbose=0)
    assert first.history == second.history
    assert_array_equal(by_class.flat.values, by_sample.flat.values)


def test_class_weight_is_not_for_validation(still, images):
    """As in Keras: split off or given, validation counts every class alike."""
    x, y = images
    logs = still.fit(
        x, y, validation_split=0.5, class_weight={0: 9, 1: 9, 2: 9}, verbose=0
    ).history
    assert_allclose(logs["loss"], 9 * costs(still, x, y)[:25].mean(), rtol=1e-6)
    assert_allclose(logs["val_loss"], costs(still, x, y)[25:].mean(), rtol=1e-6)


PLACES = np.array(  # probabilities (2, 2, 3) of three classes at two positions
    [[[0.7, 0.2, 0.1], [0.1, 0.8, 0.1]], [[0.3, 0.3, 0.4], [0.6, 0.3, 0.1]]]
)
AT_PLACES, MASKS = np.array([[0, 1], [2, 0]]), np.array([[1, 0], [0, 1]])
MASK = np.array([[[0.7], [0.2]], [[0.4], [0.9]]])
# Keras's losses with the weights of positions as sample_weight; its own class_weight
# takes the last axis of labels for classes, and gives 1.958 for the first
BY_PLACE = {
    "labels": ("sparse_", AT_PLACES, PLACES, {0: 5, 1: 2}, 1.42502),
    "column": ("sparse_", AT_PLACES[..., None], PLACES, {0: 5, 1: 2}, 1.42502),
    "one-hot": ("", np.eye(3)[AT_PLACES], PLACES, {0: 5, 1: 2}, 1.42502),
    "mask": ("binary", MASKS, MASK, {1: 3}, 0.530019),
    "mask-with-axis": ("binary", MASKS[..., None], MASK, {1: 3}, 0.530019),
}


@pytest.mark.parametrize("kind, y, x, share, loss", BY_PLACE.values(), ids=BY_PLACE)
def test_class_weights_of_positions(kind, y, x, share, loss):
    model = Sequential([Activation("linear", input_shape=x.shape[1:])])
    model.compile("sgd", LOSS[kind])
    with pytest.warns(UserWarning, match="has no activation"):
        found = model.fit(x, y, class_weight=share, verbose=0).history["loss"]
    assert_allclose(found, [loss], rtol=1e-5)


LOSS = {
    "": "categorical_crossentropy",
    "sparse_": "sparse_categorical_crossentropy",
    "binary": "binary_crossentropy",
}


@pytest.mark.parametrize("encode", ["labels", "one-hot", "ignored", "split"])
def test_balanced_class_weights_are_scikit_learns(make_model, images, encode):
    x, y = images
    share = compute_class_weight("balanced", classes=np.arange(3), y=y)
    loss = "sparse_categorical_crossentropy"
    targets, options = y, {}
    if encode == "one-hot":
        loss, targets = "categorical_crossentropy", np.eye(3)[y]
    elif encode == "ignored":
        loss = SparseCategoricalCrossentropy(ignore_class=2)
        share = [*compute_class_weight("balanced", classes=np.arange(2), y=y[y < 2]), 1]
    elif encode == "split":  # of what is trained on
        options = {"validation_split": 0.5}
        share = compute_class_weight("balanced", classes=np.arange(3), y=y[:25])
    first, second = make_model(loss=loss), make_model(loss=loss)
    a = first.fit(x, targets, class_weight="balanced", verbose=0, **options)
    share = dict(enumerate(share))
    b = second.fit(x, targets, class_weight=share, verbose=0, **options)
    assert_allclose(a.history["loss"], b.history["loss"], rtol=1e-6)


def test_balanced_class_weights_need_the_whole_epoch(make_model, images):
    """Neither a batch nor a stream of them."""
    model, text = make_model(), 'class_weight="balanced" counts the labels of a whole'
    with pytest.raises(ValueError, match=f"^{text}"):
        model.train_on_batch(*images, class_weight="balanced")
    with pytest.raises(ValueError, match=f"^batch 1 of the list_iterator: {text}"):
        model.fit(iter([images]), class_weight="balanced", verbose=0)


WRONG_CLASSES = {  # units, activation, loss, y, class_weight, error
    "unknown": (3, "softmax", "sparse_", [0, 1, 2], {3: 1}, "label 3, but .* 0 to 2"),
    "below": (3, "softmax", "sparse_", [0, 1, 2], {-1: 1}, "label -1, but .* 0 to 2"),
    "binary": (1, "sigmoid", "binary", [0, 1, 1], {2: 1}, "label 2, but .* 0 to 1"),
    "negative": (3, "softmax", "sparse_", [0, 1, 2], {1: -2}, "negative, got 1: -2"),
    "several": (
        2,
        "sigmoid",
        "binary",
        [[0, 1], [1, 1], [1, 0]],
        {1: 2},
        r"y\[1\] belongs to",
    ),
    "none": (2, "softmax", "", [[0, 1], [0, 0], [1, 0]], {1: 2}, "to no class, or to"),
}


@pytest.mark.parametrize(
    "units, activation, kind, y, share, text", WRONG_CLASSES.values(), ids=WRONG_CLASSES
)
def test_class_weights_that_mean_nothing(units, activation, kind, y, share, text):
    model = Sequential([Dense(units, activation, input_shape=(3,))])
    model.compile("sgd", LOSS[kind])
    before = model.get_weights()
    with pytest.raises(ValueError, match=text):
        model.fit(np.eye(3), np.array(y), class_weight=share, verbose=0)
    assert_array_equal(model.get_weights()[0], before[0])


def test_class_weights_of_a_hinge():
    """Labels -1 and 1 by their own names: (2 * 1.5 + 3 * 0.5) / 2."""
    model = Sequential([Activation("linear", input_shape=(1,))])
    model.compile("sgd", "hinge")
    x, y, share = np.array([[0.5], [0.5]]), np.array([-1, 1]), {-1: 2, 1: 3}
    found = model.fit(x, y, class_weight=share, verbose=0).history["loss"]
    assert found == [pytest.approx((2 * 1.5 + 3 * 0.5) / 2)]


# --- validation ---------------------------------------------------------------


def test_split_takes_its_weights_along(still, images):
    x, y = images
    weights = np.linspace(0.1, 3, 50)
    logs = still.fit(
        x, y, validation_split=0.3, sample_weight=weights, verbose=0
    ).history
    expected = costs(still, x, y) * weights
    assert_allclose(logs["loss"], expected[:35].mean(), rtol=1e-6)
    assert_allclose(logs["val_loss"], expected[35:].mean(), rtol=1e-6)


@pytest.mark.parametrize("share, kept", [(0.1, 45), (0.33, 33), (0.999, 0.05), (1, 0)])
def test_split_rounds_down_what_is_kept(make_model, images, share, kept):
    """As Keras: floor(50 * (1 - share)); nothing left is an error."""
    x, y = images
    if kept < 1:
        with pytest.raises(ValueError, match="validation_split"):
            make_model().fit(x, y, validation_split=share, verbose=0)
        return
    split, cut = make_model(), make_model()
    a = split.fit(x, y, validation_split=share, verbose=0)
    b = cut.fit(x[:kept], y[:kept], validation_data=(x[kept:], y[kept:]), verbose=0)
    assert a.history == b.history


def test_validation_data_wins_over_the_split(make_model, images):
    x, y = images
    both, data_only = make_model(), make_model()
    given = (x[:9], y[:9], np.full(9, 2.0))
    a = both.fit(x, y, validation_split=0.5, validation_data=given, verbose=0)
    b = data_only.fit(x, y, validation_data=list(given), verbose=0)
    assert a.history == b.history
    assert_array_equal(both.flat.values, data_only.flat.values)


def test_validation_changes_no_training(make_model, images):
    """Not even the random stream of a dropout, or the order of the samples."""
    x, y = images
    with_it, without = make_model(), make_model()
    a = with_it.fit(x, y, epochs=3, validation_data=(x[:9], y[:9]), verbose=0)
    b = without.fit(x, y, epochs=3, verbose=0)
    assert a.history["loss"] == b.history["loss"]


def test_validation_every_second_epoch(make_model, images):
    logs = (
        make_model()
        .fit(
            *images,
            epochs=5,
            validation_data=images,
            validation_freq=2,
            validation_batch_size=50,
            verbose=0,
        )
        .history
    )
    assert {name: len(values) for name, values in logs.items()} == {
        **{"accuracy": 5, "loss": 5},
        **{"val_accuracy": 2, "val_loss": 2},
    }


@pytest.mark.parametrize(
    "spoil, match",
    [
        (lambda x, y: (x[:, :7], y), r"validation_data: .* \(N, 8, 8, 1\), got \(50,"),
        (lambda x, y: (x, y[:9]), "validation_data: .* got 50 and 9"),
        (lambda x, y: (x, y + 1), "validation_data: .* labels from 0 to 2"),
        (lambda x, y: (x, y, [1]), "validation_data: sample_weight must hold"),
        (lambda x, y: (x,), r"validation_data must be \(x, y\) or"),
        (lambda x, y: {"x": x}, "validation_data must be .* got dict"),
    ],
    ids=["shape", "length", "label", "weights", "no-y", "dict"],
)
def test_wrong_validation_data_say_so(make_model, images, spoil, match):
    model, before = make_model(), make_model().get_weights()
    with pytest.raises(ValueError, match=match):
        model.fit(*images, validation_data=spoil(*images), verbose=0)
    assert_array_equal(model.get_weights()[0], before[0])


@pytest.mark.parametrize(
    "options, error, match",
    [
        ({"sample_weight": [1, 2]}, ValueError, "each of the 50 samples, got 2"),
        ({"sample_weight": np.ones((50, 3))}, ValueError, r"has shape \(.*, 3\)"),
        (
            {"sample_weight": ["a"] * 50},
            TypeError,
            "sample_weight must be numbers, got text",
        ),
        ({"class_weight": "blanced"}, TypeError, "dictionary .* got 'blanced'"),
        (
            {"class_weight": {0: 1}, "sample_weight": np.ones(50)},
            ValueError,
            "sample_weight or class_weight, not both",
        ),
        ({"validation_split": -0.1}, ValueError, "between 0 and 1, got -0.1"),
        ({"validation_split": 1.5}, ValueError, "between 0 and 1, got 1.5"),
        ({"validation_split": True}, ValueError, "between 0 and 1, got True"),
        ({"validation_freq": 0}, ValueError, "validation_freq must be a positive"),
        ({"validation_batch_size": 2.5}, TypeError, "validation_batch_size must be a"),
        ({"validation_batch_size": 0}, ValueError, "validation_batch_size must be a"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_wrong_options(make_model, images, options, error, match):
    model, before = make_model(), make_model().get_weights()
    options = {"validation_data": images} | options
    if "validation_split" in options:
        del options["validation_data"]
    with pytest.raises(error, match=match):
        model.fit(*images, **options, verbose=0)
    assert_array_equal(model.get_weights()[0], before[0])
