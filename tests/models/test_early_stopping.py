import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from sora_np.callbacks import Callback, EarlyStopping
from sora_np.metrics import F1Score

NAN, INF = float("nan"), float("inf")
RUNS = {  # options, numbers, how many epochs run, the best
    "first-that-is-not-better": ({}, [3, 2, 2, 1], 3, 1),
    "patience": ({"patience": 2}, [3, 2, 2.5, 1, 2, 2, 0], 6, 3),
    "never-the-first": ({}, [NAN, 1, 2, 0], 3, 1),
    "max": ({"mode": "max"}, [1, 2, 3, 3], 4, 2),
    "delta": ({"min_delta": 0.5}, [3, 2.4, 2, 1], 3, 1),
    "delta-of-max": ({"min_delta": -0.5, "mode": "max"}, [1, 1.6, 2, 9], 3, 1),
    "baseline": ({"patience": 2, "baseline": 2}, [5, 4, 3, 3, 0], 4, 2),
    "baseline-beaten": ({"patience": 2, "baseline": 2}, [5, 1, 3, 3, 0], 4, 1),
    "late": ({"start_from_epoch": 2}, [0, 0, 3, 2, 2], 5, 3),
    "nan-is-never-the-best": ({"patience": 2}, [NAN, 3, NAN, 2, NAN, NAN, 0], 6, 3),
    "nan-for-ever": ({"patience": 2}, [NAN, NAN, NAN], 2, 0),
    "from-infinity": ({"patience": 1}, [INF, INF, 1], 2, 0),
    "to-the-end": ({"patience": 5}, [3, 2, 1], 3, 2),
}


@pytest.mark.parametrize("options, values, epochs, best", RUNS.values(), ids=RUNS)
def test_runs(follow, options, values, epochs, best):
    stop = EarlyStopping("script", **{"mode": "min", **options})
    model = follow(values, stop)
    assert len(model.history.epoch) == epochs
    assert stop.best_epoch == best
    assert stop.stopped_epoch == (epochs - 1 if epochs < len(values) else 0) or (
        epochs == len(values) and stop.stopped_epoch in (0, epochs - 1)
    )


class Weights(Callback):
    def __init__(self):
        self.after = []

    def on_epoch_end(self, epoch, logs=None):
        self.after.append(self.model.get_weights())


@pytest.mark.parametrize("values, best", [([3, 2, 4, 4], 1), ([NAN, 4, 1, 2], 2)])
def test_the_best_weights_come_back(follow, capsys, values, best):
    """Whoever stopped; without being asked for they do not."""
    for patience in (1, 9):
        seen = Weights()
        stop = EarlyStopping(
            *("script", 0, patience, 1, "min"), restore_best_weights=True
        )
        model = follow(values, [seen, stop])
        for restored, wanted in zip(model.get_weights(), seen.after[best], strict=True):
            assert_array_equal(restored, wanted)
        out = capsys.readouterr().out.splitlines()
        end = f"Restoring model weights from the end of the best epoch: {best + 1}."
        assert out[-1] == end
        assert out[:-1] == [f"Epoch {best + 2}: early stopping"] * (patience == 1)
    seen = Weights()
    model = follow(values, [seen, EarlyStopping("script", mode="min", patience=9)])
    assert_array_equal(model.get_weights()[0], seen.after[-1][0])
    assert capsys.readouterr().out == ""


def test_nothing_is_restored_where_all_was_nan(follow):
    seen = Weights()
    stop = EarlyStopping("script", mode="min", patience=1, restore_best_weights=True)
    model = follow([NAN, NAN, NAN], [seen, stop])
    assert_array_equal(model.get_weights()[0], seen.after[-1][0])


def test_one_object_may_be_used_again(follow):
    stop = EarlyStopping("script", mode="min")
    for values in ([1, 2], [9, 8, 8]):
        assert len(follow(values, stop).history.epoch) == len(values)


# --- which way is better ---------------------------------------------------------


@pytest.mark.parametrize(
    "monitor, rises",
    [
        ("loss", False),
        ("val_loss", False),
        ("acc", True),
        ("val_acc", True),
        ("mse", False),
        ("f1_score", True),
    ],
)
def test_auto_follows_the_metric(make_model, images, monitor, rises):
    (x, y), model = images, make_model()
    y = np.eye(3)[y]
    model.compile(
        "adam", "categorical_crossentropy", metrics=["acc", "mse", F1Score("macro")]
    )
    stop = EarlyStopping(monitor, patience=9)
    model.fit(x, y, validation_data=(x, y), callbacks=stop, verbose=0)
    assert stop._watch._rises is rises


def test_a_name_that_is_no_metrics_is_refused_before_training(make_model, images):
    model = make_model()
    before = model.get_weights()
    text = (
        "EarlyStopping cannot tell whether 'val_acuracy' is better when it rises or "
        'falls: pass mode="max" or mode="min". Available metrics are: '
        "loss,accuracy,val_loss,val_accuracy; did you mean 'val_accuracy'?"
    )
    with pytest.raises(ValueError) as caught:
        options = {"validation_data": images, "verbose": 0}
        model.fit(*images, callbacks=EarlyStopping("val_acuracy"), **options)
    assert str(caught.value) == text
    assert_array_equal(model.get_weights()[0], before[0])


def test_absent_numbers_are_warned_of_once(make_model, images):
    text = (
        "Early stopping conditioned on metric `val_loss` which is not available. "
        "Available metrics are: loss,accuracy; fit was given neither validation_data "
        "nor validation_split"
    )
    with pytest.warns(UserWarning) as caught:
        history = make_model().fit(
            *images, epochs=3, callbacks=EarlyStopping(), verbose=0
        )
    assert [str(w.message) for w in caught] == [text]
    assert caught[0].filename == __file__ and history.epoch == [0, 1, 2]


def test_absent_numbers_are_warned_of_before_training(make_model, images):
    """With mode="min" no metric has to be found; an epoch is too late."""
    model = make_model()
    before = model.get_weights()
    stop = EarlyStopping("val_los", mode="min")
    with pytest.raises(UserWarning, match="Available .*; did you mean 'val_loss'?"):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model.fit(*images, validation_data=images, callbacks=stop, verbose=0)
    assert_array_equal(model.get_weights()[0], before[0])


def test_epochs_without_validation_are_passed_over(make_model, images):
    """Without a warning: the number will come."""
    stop = EarlyStopping(patience=1, min_delta=99)
    options = {"validation_data": images, "validation_freq": 2, "verbose": 0}
    history = make_model().fit(*images, epochs=9, callbacks=stop, **options)
    assert history.epoch == [0, 1, 2, 3]


def test_an_array_cannot_be_watched(make_model, images):
    model = make_model()
    model.compile("adam", model.loss, metrics=[F1Score()])
    with pytest.raises(ValueError, match="watches one number, but 'f1_score' is an ar"):
        model.fit(*images, callbacks=EarlyStopping("f1_score"), verbose=0)


@pytest.mark.parametrize(
    "options, error, text",
    [
        ({"mode": "up"}, ValueError, 'mode must be "auto", "min" or "max", got \'up\''),
        ({"patience": -1}, ValueError, "patience must be a whole number, not negative"),
        ({"patience": 1.5}, TypeError, "patience must be a whole number, not negative"),
        ({"patience": None}, TypeError, "patience must be .*, got None"),
        ({"start_from_epoch": "5"}, TypeError, "start_from_epoch must be .*, got '5'"),
        ({"min_delta": "0.1"}, TypeError, "min_delta must be a number, got '0.1'"),
        ({"baseline": [1]}, TypeError, r"baseline must be a number, got \[1\]"),
        ({"patient": 1}, TypeError, "patient"),
        ({"monitor": 3}, TypeError, 'monitor must be a name such as "val_loss", got 3'),
    ],
)
def test_mistakes(options, error, text):
    with pytest.raises(error, match=text):
        EarlyStopping(**options)
