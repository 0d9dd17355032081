import numpy as np
import pytest

from sora_np.callbacks import Callback, TerminateOnNaN
from sora_np.optimizers import SGD


class Count(Callback):
    def __init__(self):
        self.batches, self.ended = 0, False

    def on_train_batch_end(self, batch, logs=None):
        self.batches += 1

    def on_train_end(self, logs=None):
        self.ended = True


@pytest.fixture
def diverging(make_model, images):
    """Batch 3 of 5 holds NaN."""
    x, y = images
    x = x.copy()
    x[25] = np.nan

    def fit(callbacks):
        model = make_model(SGD(0.1))
        with pytest.warns(UserWarning, match="1 of 50 samples in x hold NaN"):
            options = {"epochs": 3, "shuffle": False, "verbose": 0}
            model.fit(x, y, 10, callbacks=callbacks, **options)
        return model

    return fit


def test_it_stops_after_that_batch(diverging, capsys):
    count = Count()
    model = diverging([count, TerminateOnNaN()])
    assert count.batches == 3 and count.ended
    assert model.history.epoch == [0] and np.isnan(model.history.history["loss"][0])
    text = "Batch 2: Invalid loss, terminating training\n"
    assert capsys.readouterr().out == text


def test_it_may_raise(diverging):
    count = Count()
    with pytest.raises(RuntimeError, match="the loss is nan in batch 2"):
        diverging([count, TerminateOnNaN(raise_error=True)])
    assert count.batches == 3 and not count.ended


def test_infinity_counts_as_well():
    for loss, stops in ((np.inf, True), (-np.inf, True), (1e300, False)):
        model = type("Model", (), {"stop_training": False})()
        callback = TerminateOnNaN()
        callback.set_model(model)
        callback.on_train_batch_end(0, {"loss": loss})
        assert model.stop_training is stops
