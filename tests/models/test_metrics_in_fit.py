"""Metrics of a model: over whole epochs, by any name, class or function."""

import pytest
from numpy.testing import assert_allclose
from sklearn import metrics as sklearn

from sora_np import metrics
from sora_np.callbacks import Callback
from sora_np.layers import Dense
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
    assert model._metrics[0]._batches == [], "samples are not kept for ever"


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
    with pytest.warns(
        UserWarning, match="'average_precision' is a function of your own"
    ):
        again = load_model(tmp_path / "m.npz")
    assert again.metrics_names == ["loss", "accuracy", "f"]


def test_a_metric_that_fails_says_so_before_training(binary):
    """What does not suit y is found with one sample; nothing is trained."""
    model, x, y = binary
    model.compile("sgd", "binary_crossentropy", metrics=[Precision(class_id=4)])
    before = model.get_weights()
    with pytest.raises(ValueError, match="precision has class_id 4, y_pred is"):
        model.fit(x, y, verbose=0)
    assert (model.get_weights()[0] == before[0]).all()


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
            "^a metric is called with y_true and y",
        ),
        (
            {"dense": "accuracy"},
            TypeError,
            "^metrics must be a list, for a model has",
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
