"""Metrics of a model: over whole epochs, by any name, class or function."""

import functools

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import metrics as sklearn

from sora_np import metrics
from sora_np.callbacks import Callback
from sora_np.layers import Activation, Dense
from sora_np.losses import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    Hinge,
    MeanSquaredError,
    SparseCategoricalCrossentropy,
)
from sora_np.metrics import F1Score, Precision, R2Score, Recall
from sora_np.models import Sequential, load_model
from sora_np.optimizers import SGD


@pytest.fixture
def binary(rng):
    """A model that has learnt a little, and data with few positives."""
    x = rng.standard_normal((70, 3))
    y = (x[:, 0] + rng.standard_normal(70) / 2 > 0.8).astype(int)
    model = Sequential([Dense(1, "sigmoid", input_shape=(3,))])
    model.compile(SGD(1.0), "binary_crossentropy")
    model.fit(x, y, epochs=10, verbose=0)
    return model, x, y


def average_precision(y_true, y_pred):
    return sklearn.average_precision_score(y_true, y_pred)


def test_numbers_are_of_the_whole_epoch(binary):
    """Uneven batches without a positive among them: scikit-learn's on all samples.

    With a rate of 0 training sees what evaluation does.
    """
    model, x, y = binary
    measures = [Precision(), Recall(), F1Score("micro"), sklearn.roc_auc_score]
    measures += [average_precision]
    model.compile(SGD(0.0), "binary_crossentropy", metrics=measures)
    p = model.predict(x, verbose=0)[:, 0]
    expected = {
        "precision": sklearn.precision_score(y, p > 0.5),
        "recall": sklearn.recall_score(y, p > 0.5),
        "f1_score": sklearn.f1_score(y, p > 0.5),
        "roc_auc_score": sklearn.roc_auc_score(y, p),
        "average_precision": sklearn.average_precision_score(y, p),
    }
    options = {"validation_data": (x, y), "epochs": 2, "shuffle": False, "verbose": 0}
    history = model.fit(x, y, 16, **options).history
    found = model.evaluate(x, y, 16, verbose=0, return_dict=True)
    for name, value in expected.items():
        assert history[name] == [pytest.approx(value)] * 2, name
        assert history[f"val_{name}"] == [pytest.approx(value)] * 2, name
        assert found[name] == pytest.approx(value), name
    assert model.metrics_names == ["loss", *expected]


def test_functions_wait_for_the_end_of_the_epoch(binary):
    model, x, y = binary
    calls, seen = [], []

    def counting(y_true, y_pred):
        calls.append(len(y_true))
        return len(calls)

    class Watch(Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append("counting" in logs)

        def on_epoch_end(self, epoch, logs=None):
            seen.append(logs["counting"])

    model.compile("sgd", "binary_crossentropy", metrics=counting)
    model.fit(x, y, callbacks=Watch(), verbose=0)
    assert calls == [70] and seen == [False, False, False, 1.0]
    model.train_on_batch(x[:9], y[:9])
    assert calls == [70, 9]
    assert model._steps.metrics[0]._batches == [], "samples are not kept for ever"


def test_an_array_a_class(make_model, images, capsys):
    model = make_model()
    model.compile("adam", model.loss, metrics=[F1Score()])
    history = model.fit(*images, epochs=2, verbose=2).history
    assert [scores.shape for scores in history["f1_score"]] == [(3,), (3,)]
    assert "f1_score: [0." in capsys.readouterr().out
    predicted = model.predict(images[0], verbose=0).argmax(axis=1)
    expected = sklearn.f1_score(images[1], predicted, average=None)
    _, actual = model.evaluate(*images, verbose=0)
    assert_allclose(actual, expected)


def test_regression(rng):
    x = rng.standard_normal((60, 3))
    y = x @ [[1.0, 2], [0, 1], [-1, 3]] + 100
    model = Sequential([Dense(2, input_shape=(3,))])
    names = ["mae", "mse", "root_mean_squared_error", "r2_score"]
    model.compile(SGD(0.1), "mse", metrics=[*names, R2Score(None, name="each")])
    model.fit(x, y, epochs=40, verbose=0)
    found = model.evaluate(x, y, batch_size=7, verbose=0, return_dict=True)
    p = model.predict(x, verbose=0)
    assert found["mae"] == pytest.approx(sklearn.mean_absolute_error(y, p), rel=1e-4)
    mse = sklearn.mean_squared_error(y, p)
    assert found["mse"] == pytest.approx(mse, rel=1e-4)
    assert found["root_mean_squared_error"] == pytest.approx(mse**0.5, rel=1e-4)
    assert found["r2_score"] == pytest.approx(sklearn.r2_score(y, p), abs=1e-6)
    assert found["r2_score"] > 0.9
    each = sklearn.r2_score(y, p, multioutput="raw_values")
    assert_allclose(found["each"], each, atol=1e-6)


def test_softmax_and_the_threshold_one_half_are_warned_of(make_model, images):
    model = make_model()
    model.compile("adam", model.loss, metrics=[Precision(), Recall(top_k=1)])
    with pytest.warns(UserWarning, match="^precision counts probabilities") as caught:
        model.fit(*images, verbose=0)
    model.fit(*images, verbose=0)
    assert len(caught) == 1 and caught[0].filename == __file__


def test_a_function_comes_back_as_a_custom_object(binary, tmp_path):
    model, x, y = binary
    measures = ["accuracy", average_precision, F1Score("macro", 0.3, name="f")]
    model.compile("sgd", "binary_crossentropy", metrics=measures)
    model.save(tmp_path / "m.npz")
    custom = {"average_precision": average_precision}
    again = load_model(tmp_path / "m.npz", custom)
    assert again.metrics_names == ["loss", "accuracy", "average_precision", "f"]
    assert_allclose(again.evaluate(x, y, verbose=0), model.evaluate(x, y, verbose=0))
    with pytest.warns(UserWarning, match="'average_precision' is your own function"):
        again = load_model(tmp_path / "m.npz")
    assert again.metrics_names == ["loss", "accuracy", "f"]


def test_a_metric_that_fails_says_so_before_training(binary):
    """What does not suit y is found with one sample; nothing is trained."""
    model, x, y = binary
    model.compile("sgd", "binary_crossentropy", metrics=[Precision(class_id=4)])
    before = model.get_weights()
    with pytest.raises(ValueError, match="precision has class_id 4, but y_pred"):
        model.fit(x, y, verbose=0)
    assert (model.get_weights()[0] == before[0]).all()


SKLEARN = {
    "accuracy": (sklearn.accuracy_score, "the metric accuracy_score cannot be "),
    "f1": (functools.partial(sklearn.f1_score, average="macro"), "the metric partial "),
    "curve": (sklearn.precision_recall_curve, "the metric precision_recall_curve "),
    "text": (sklearn.classification_report, "the metric classification_report cannot"),
}


@pytest.mark.parametrize("function, text", SKLEARN.values(), ids=SKLEARN)
def test_a_function_that_cannot_work_fails_before_the_first_step(
    make_model, images, function, text
):
    """Not after an epoch; the outputs are probabilities, not labels."""
    model = make_model()
    model.compile("sgd", model.loss, metrics=[function])
    before = model.get_weights()
    with pytest.raises((TypeError, ValueError), match=text):
        model.fit(*images, verbose=0)
    assert_array_equal(model.flat.values, np.concatenate([w.ravel() for w in before]))
    assert model.optimizer.iterations == 0


def test_functions_that_work_are_not_refused(make_model, images):
    """A first batch of one class alone; undefined for what an untrained model says."""
    (x, y), model = images, make_model()
    order = np.argsort(y)
    several = functools.partial(sklearn.roc_auc_score, multi_class="ovr")
    model.compile("sgd", model.loss, metrics=[several, sklearn.log_loss])
    options = {"validation_data": images, "shuffle": False, "verbose": 0}
    model.fit(x[order], y[order], 10, **options)
    assert len(model.history.history) == 6


def test_of_a_stream_the_first_batch_is_tried(make_model, images):
    """It may lack a class, which the epoch has: that is only warned of."""

    class Batches:
        def __len__(self):
            return 2

        def __getitem__(self, k):
            return images[0][k * 25 : k * 25 + 25], images[1][k * 25 : k * 25 + 25]

    model = make_model()
    model.compile("sgd", model.loss, metrics=[sklearn.accuracy_score])
    text = "This trial used only the first batch"
    with pytest.warns(UserWarning, match=text), pytest.raises(ValueError):
        model.fit(Batches(), verbose=0)
    assert model.optimizer.iterations == 2


def test_two_metrics_of_one_name_are_numbered(make_model, images):
    """And keep their names when compiled again."""
    model = make_model()
    measures = [Recall(0.3), Recall(0.6)]
    for _ in range(2):
        model.compile("adam", model.loss, metrics=measures)
        assert model.metrics_names == ["loss", "recall", "recall_1"]
    assert len(model.evaluate(*images, verbose=0)) == 3
    with pytest.raises(ValueError, match="two metrics have the name 'acc'"):
        model.compile("adam", model.loss, metrics=["acc", "acc"])
    assert model.metrics_names == ["loss", "recall", "recall_1"]


def test_one_object_may_serve_several_models(make_model, images):
    metric = metrics.SparseCategoricalAccuracy()
    for seed in (0, 1):
        model = make_model(seed=seed)
        model.compile("adam", model.loss, metrics=[metric, "accuracy"])
        _, own, named = model.evaluate(*images, verbose=0)
        assert own == named


@pytest.mark.parametrize(
    "metric, error, text",
    [
        (
            lambda y_pred: 0,
            TypeError,
            "^a metric must take two arguments, y_t",
        ),
        (
            {"dens": "accuracy"},
            ValueError,
            "^metrics names 'dens', but the outputs of the model are 'dense",
        ),
    ],
    ids=["one-argument", "dictionary"],
)
def test_metrics_that_cannot_be_called(make_model, metric, error, text):
    model = make_model()
    with pytest.raises(error, match=text):
        model.compile("adam", model.loss, metrics=metric)
    assert model.metrics_names == ["loss", "accuracy"]


@pytest.mark.parametrize("value", [None, "0.5", [None, 1]], ids=repr)
def test_a_function_that_returns_no_number_is_named(make_model, images, value):
    """Not NaN for None, and not what NumPy says of text."""

    def score(y_true, y_pred):
        return value

    model = make_model()
    model.compile("adam", model.loss, metrics=[score])
    with pytest.raises(TypeError, match="^the metric score must return a number or an"):
        model.evaluate(*images, verbose=0)


# --- what metrics see of a model ------------------------------------------------------


def as_it_is(shape, activation="linear"):
    """A model whose output is its input, or a function of it."""
    return Sequential([Activation(activation, input_shape=shape)])


def everywhere(model, x, y, batch_size=2):
    """Return what evaluate, fit and the steps of one batch say, which must be equal."""
    found = model.evaluate(x, y, batch_size, verbose=0, return_dict=True)
    options = {"validation_data": (x, y), "shuffle": False, "verbose": 0}
    history = model.fit(x, y, batch_size, **options).history
    steps = model.train_on_batch, model.test_on_batch
    batches = [step(x, y, return_dict=True) for step in steps]
    for name, value in found.items():
        assert_allclose(history[name], [value], rtol=1e-6, err_msg=name)
        assert_allclose(history[f"val_{name}"], [value], rtol=1e-6, err_msg=name)
        for logs in batches:
            assert_allclose(logs[name], value, rtol=1e-6, err_msg=name)
    return found


LOGITS = np.array([[0.2], [0.3], [-0.1], [0.4], [-0.6], [0.1]])
YES = np.array([1, 1, 0, 1, 1, 0])
NAMED = ["accuracy", "precision", "recall", "f1_score"]
OBJECTS = [
    metrics.BinaryAccuracy(name="accuracy"),
    *(Precision(), Recall(), F1Score("micro")),
]
THRESHOLDS = [  # of probabilities, where they can be; 0 is of logits, as in Keras
    metrics.BinaryAccuracy("accuracy", threshold=0.0),
    *(Precision(0.5), Recall([0.5]), F1Score("micro", 0.5)),
]


@pytest.mark.parametrize("given", [NAMED, OBJECTS, THRESHOLDS])
@pytest.mark.parametrize(
    "loss, y",
    [
        (BinaryCrossentropy(from_logits=True), YES),
        (Hinge(), YES),
        (Hinge(), 2 * YES - 1),
    ],
    ids=["logits", "hinge", "hinge-of-signs"],
)
def test_logits_say_yes_above_0(loss, y, given):
    """Keras compares them with 0.5: 0.33, 0, 0, 0 here.  scikit-learn's numbers."""
    model = as_it_is((1,))
    model.compile("sgd", loss, metrics=given)
    found = everywhere(model, LOGITS, y)
    taken = LOGITS[:, 0] > 0
    assert found["accuracy"] == pytest.approx(sklearn.accuracy_score(YES, taken))
    for name in ("precision", "recall", "f1_score"):
        expected = getattr(sklearn, name.removesuffix("_score") + "_score")(YES, taken)
        assert_allclose(np.ravel(found[name]), [expected], err_msg=name)


def test_thresholds_are_of_probabilities():
    """Above 0.55: logits above 0.2007."""
    model = as_it_is((1,))
    measures = [metrics.BinaryAccuracy(threshold=0.55), Precision([0.55, 0.4])]
    model.compile("sgd", BinaryCrossentropy(from_logits=True), metrics=measures)
    found = everywhere(model, LOGITS, YES)
    assert found["binary_accuracy"] == 4 / 6  # 0.3, -0.1, 0.4 and 0.1 are right
    assert_allclose(found["precision"], [2 / 2, 3 / 5])


def test_classes_from_logits():
    """As the same model with softmax has them, cross-entropy as a metric, too."""
    z = np.array([[0.1, 3.0, 0.3], [0.3, 0.2, 0.1], [0.0, 0.5, 4.0], [2.0, 0.1, 0.2]])
    y = np.array([1, 0, 1, 0])
    names = ["accuracy", "ce", Precision(0.6), Recall(top_k=1), F1Score("macro")]
    names += [metrics.SparseTopKCategoricalAccuracy(2, name="top")]
    found = []
    for activation, logits in (("linear", True), ("softmax", False)):
        model = as_it_is((3,), activation)
        loss = SparseCategoricalCrossentropy(from_logits=logits)
        model.compile("sgd", loss, metrics=names)
        found.append(everywhere(model, z, y))
    for name, value in found[1].items():
        assert found[0][name] == pytest.approx(value, rel=1e-5), name
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    assert found[0]["precision"] == 2 / 3  # 1, 2 and 0 are surer than 0.6
    assert found[0]["ce"] == pytest.approx(sklearn.log_loss(y, p, labels=range(3)))


def test_other_outputs_are_seen_as_they_are():
    """Numbers of a regression, own functions and losses of logits."""
    model = as_it_is((1,))
    model.compile("sgd", "mse", metrics=["accuracy", "mae"])
    assert everywhere(model, LOGITS, YES)["accuracy"] == 2 / 6

    def positive(y_true, y_pred):
        return float(np.mean((y_pred > 0).ravel() == y_true))

    loss = BinaryCrossentropy(from_logits=True, name="own")
    names = [positive, loss, MeanSquaredError, "bce", "mae"]
    model.compile("sgd", BinaryCrossentropy(from_logits=True), metrics=names)
    found = everywhere(model, LOGITS, YES)
    assert found["positive"] == 4 / 6
    assert found["own"] == pytest.approx(found["loss"])
    assert found["bce"] == pytest.approx(found["loss"])
    assert found["mean_squared_error"] == pytest.approx(
        np.mean((LOGITS[:, 0] - YES) ** 2)
    )
    assert found["mae"] == pytest.approx(np.abs(LOGITS[:, 0] - YES).mean())


def counted(y_true, y_pred):
    assert len(y_true) == len(y_pred)
    return float(len(y_true))


@pytest.mark.parametrize("column", [False, True])
@pytest.mark.parametrize("label", [9, -1, 0])
def test_no_metric_sees_what_the_loss_ignores(rng, label, column):
    """A batch of ignored samples among them; scikit-learn's numbers of the others."""
    y = rng.integers(1, 4, 23)
    p, kept = rng.random((23, 4)), np.arange(23) % 3 > 0
    kept[:4] = False
    y[~kept] = label
    measures = ["accuracy", F1Score("macro"), Precision(top_k=1), counted]
    measures += [metrics.SparseTopKCategoricalAccuracy(2, name="top"), "ce"]
    model = as_it_is((4,))
    loss = SparseCategoricalCrossentropy(from_logits=True, ignore_class=label)
    model.compile("sgd", loss, metrics=measures)
    found = model.evaluate(p, y[:, None] if column else y, 4, 0, return_dict=True)
    history = model.fit(p, y, 4, verbose=0).history
    true, taken = y[kept], p[kept].argmax(axis=1)
    expected = {
        "accuracy": sklearn.accuracy_score(true, taken),
        "f1_score": sklearn.f1_score(true, taken, average="macro"),
        "precision": sklearn.accuracy_score(true, taken),
        "top": sklearn.top_k_accuracy_score(true, p[kept], k=2, labels=range(4)),
        "counted": kept.sum(),
        "ce": CategoricalCrossentropy(True)(np.eye(4)[true], p[kept]),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(value), name
        assert history[name] == [pytest.approx(value)], name


@pytest.mark.parametrize("axis", [-1, 1])
def test_positions_that_are_ignored(rng, axis):
    """Of masks (N, H, W), with the classes on any axis."""
    p, y = rng.random((5, 2, 3, 4)), rng.integers(0, 4, (5, 2, 3))
    y[rng.random(y.shape) < 0.4] = 255
    loss = SparseCategoricalCrossentropy(True, 255, axis=axis)
    x = np.moveaxis(p, -1, axis)
    model = as_it_is(x.shape[1:])
    model.compile("sgd", loss, metrics=["accuracy", F1Score("macro"), counted])
    found = everywhere(model, x, y, 5)  # the loss is a mean over what a batch counts
    true, taken = y[y < 255], p[y < 255].argmax(axis=-1)
    assert found["accuracy"] == pytest.approx(sklearn.accuracy_score(true, taken))
    f1 = sklearn.f1_score(true, taken, average="macro")
    assert found["f1_score"] == pytest.approx(f1)
    assert found["counted"] == len(true)


def test_classes_are_where_the_loss_has_them(rng):
    """Not on the last axis, over which Keras takes the largest in silence."""
    p, y = rng.random((7, 3, 4)), rng.integers(0, 3, (7, 4))
    rows = np.moveaxis(np.eye(3)[y], -1, 1)
    expected = np.mean(p.argmax(axis=1) == y)
    for loss, targets in ((CategoricalCrossentropy, rows), (SPARSE, y)):
        model = as_it_is((3, 4))
        model.compile("sgd", loss(True, axis=1), metrics=["accuracy", F1Score("micro")])
        found = everywhere(model, p, targets)
        assert found["accuracy"] == pytest.approx(expected)
        assert found["f1_score"] == pytest.approx(expected)


SPARSE = SparseCategoricalCrossentropy


@pytest.mark.parametrize("loss", ["mse", "mae"])
@pytest.mark.parametrize("name", ["binary_accuracy", "precision", "f1_score"])
def test_labels_are_refused_before_the_first_step(loss, name):
    """All of them, not those of the first batch: the last is no yes or no."""
    model = Sequential([Dense(1, input_shape=(1,))])
    model.compile("sgd", loss, metrics=[metrics.CLASSES[name]])
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"takes targets from -1 to 1, got 2 at y_tr"):
        model.fit(LOGITS, [0, 1, 0, 1, 1, 2], batch_size=2, verbose=0)
    assert_allclose(model.get_weights()[0], before[0], rtol=0)


def test_accuracy_of_numbers_is_warned_of():
    """As many programs have it; the numbers are Keras's."""
    model = as_it_is((1,))
    model.compile("sgd", "mse", metrics=["accuracy"])
    y = np.array([0, 1, 2, 2.5, -3, 0])
    p = np.array([[0.1], [0.9], [2], [2.5], [-3], [7]])
    with pytest.warns(UserWarning, match="has numbers from -3 to 2.5: use 'mae'"):
        assert model.evaluate(p, y, verbose=0)[1] == pytest.approx(2 / 6)
    assert model.test_on_batch(p[:3], y[:3])[1] == pytest.approx(2 / 3)
    assert model.evaluate(p, y, 2, verbose=0)[1] == pytest.approx(2 / 6)


ODD = {  # the last layer, loss, y, warning
    "softmax": (Dense(1, "softmax"), "bce", YES, "softmax of one number, which is"),
    "layer": (Activation("softmax"), "mse", YES, "did you mean activation=.sigmoid"),
    "one-class": (
        Dense(1, "sigmoid"),
        "categorical_crossentropy",
        YES,
        "is always 0:",
    ),
}


@pytest.mark.parametrize("last, loss, y, text", ODD.values(), ids=ODD)
def test_models_of_one_class_are_warned_of(last, loss, y, text):
    model = Sequential([Dense(1, input_shape=(1,)), last])
    model.compile("sgd", loss)
    with pytest.warns(UserWarning, match=text) as caught:
        model.fit(LOGITS, y, verbose=0)
    model.fit(LOGITS, y, verbose=0)
    assert len(caught) == 1 and caught[0].filename == __file__


def test_weights_of_positions(rng):
    """One rule: (N, H, W) or (N, H, W, 1) for a mask of either shape."""
    p, y = rng.random((4, 2, 3, 1)), rng.integers(0, 2, (4, 2, 3))
    weights = rng.random(y.shape)
    model = as_it_is(p.shape[1:])
    model.compile("sgd", BinaryCrossentropy(True), metrics=["accuracy"])
    first = model.evaluate(p, y, verbose=0, sample_weight=weights)
    options = {"verbose": 0, "sample_weight": weights[..., None]}
    assert model.evaluate(p, y[..., None], **options) == first
